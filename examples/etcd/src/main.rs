//! The program: `atrest-etcd scan` counts, `atrest-etcd rewrite` seals stale values again.

mod progress;

use core::num::{NonZeroU32, NonZeroUsize};
use core::time::Duration;
use std::error::Error;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use atrest::{ConfigOptions, EncryptionConfiguration};
use atrest_etcd::{MESSAGE_MAX, Mode, Outcome, Report, Resource, Run, Settled, count_keys, run};
use clap::{Args, Parser, Subcommand};
use etcd_client::{Certificate, Client, ConnectOptions, Identity, KvClient, TlsOptions};

use progress::Progress;

/// Counts what the values in an etcd are sealed with, and seals stale ones again with today's key.
///
/// The exit status is 0 if every value opens and is fresh, 1 if the run could not go on (start it again), 2 if it could not
/// begin, 3 if values do not open or could not be written, and 4 if values are stale.
#[derive(Parser)]
#[command(name = "atrest-etcd")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Only looks: what the values are sealed with, which are stale, and which do not open.
    Scan(Settings),
    /// Seals stale values again, each in one swap that loses no write of another.
    Rewrite(Settings),
}

#[derive(Args)]
struct Settings {
    /// The API server's EncryptionConfiguration.
    #[arg(long)]
    config: PathBuf,
    /// The resource in that file, such as `secrets` or `deployments.apps`.
    #[arg(long, default_value = "secrets")]
    resource: String,
    /// What the keys of its values begin with, up to a `/`; for `secrets` it is `/registry/secrets/` if not given.
    #[arg(long)]
    prefix: Option<String>,
    /// Where etcd listens.
    #[arg(long, value_delimiter = ',', default_value = "http://127.0.0.1:2379")]
    endpoints: Vec<String>,
    /// The certificate of the authority that etcd's certificate is from.
    #[arg(long)]
    cacert: Option<PathBuf>,
    /// The certificate to show to etcd.
    #[arg(long, requires_all = ["key", "cacert"])]
    cert: Option<PathBuf>,
    /// The key of that certificate.
    #[arg(long, requires = "cert")]
    key: Option<PathBuf>,
    /// How many values are read at once, in at most 16 MiB.
    #[arg(long, default_value = "500")]
    page: NonZeroU32,
    /// How many values are under way at the same time.
    #[arg(long, default_value = "16")]
    in_flight: NonZeroUsize,
    /// Takes whatever AES-CBC, KMS v1 and identity open for a plaintext: for stores of others than Kubernetes.
    #[arg(long)]
    any_plaintext: bool,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let (mode, settings) = match Arguments::parse().command {
        Command::Scan(settings) => (Mode::Scan, settings),
        Command::Rewrite(settings) => (Mode::Rewrite, settings),
    };
    match begin(&settings).await {
        Ok((kv, resource, prefix)) => {
            let task = Run { prefix: prefix.into(), page: settings.page, in_flight: settings.in_flight, mode };
            go(kv, &resource, &task).await
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(2)
        }
    }
}

async fn begin(settings: &Settings) -> Result<(KvClient, Resource, &str), Box<dyn Error>> {
    let prefix = prefix(settings)?;
    let config = EncryptionConfiguration::from_path(&settings.config, ConfigOptions::default())?;
    if !config.is_configured(&settings.resource) {
        return Err(format!("the configuration does not encrypt {:?}", settings.resource).into());
    }
    if settings.cacert.is_none() && settings.endpoints.iter().any(|url| url.starts_with("https:")) {
        return Err("https needs --cacert".into());
    }
    let resource = Resource::new(&config, &settings.resource, settings.any_plaintext)?;
    Ok((connect(settings).await?, resource, prefix))
}

/// Where the values of the resource are. To guess it wrong would be to seal those of another resource with its keys.
fn prefix(settings: &Settings) -> Result<&str, String> {
    match settings.prefix.as_deref() {
        None if settings.resource == "secrets" => Ok("/registry/secrets/"),
        None => {
            Err(format!("--resource {:?} needs --prefix: what the keys of its values begin with", settings.resource))
        }
        Some(prefix) if prefix.ends_with('/') => Ok(prefix),
        Some(_) => Err("--prefix must end in a slash: it would stand for other resources too".to_owned()),
    }
}

async fn connect(settings: &Settings) -> Result<KvClient, Box<dyn Error>> {
    let seconds = Duration::from_secs;
    let mut options = ConnectOptions::new()
        .with_connect_timeout(seconds(5))
        .with_timeout(seconds(30))
        .with_keep_alive(seconds(10), seconds(10));
    let read = |path: &PathBuf| std::fs::read(path).map_err(|error| format!("{}: {error}", path.display()));
    if let Some(authority) = &settings.cacert {
        let mut tls = TlsOptions::new().ca_certificate(Certificate::from_pem(read(authority)?));
        if let (Some(certificate), Some(key)) = (&settings.cert, &settings.key) {
            tls = tls.identity(Identity::from_pem(read(certificate)?, read(key)?));
        }
        options = options.with_tls(tls);
    }
    let client = Client::connect(&settings.endpoints, Some(options)).await?;
    Ok(client.kv_client().max_decoding_message_size(MESSAGE_MAX))
}

async fn go(mut kv: KvClient, resource: &Resource, task: &Run) -> ExitCode {
    let keys = match count_keys(&mut kv, &task.prefix).await {
        Ok(keys) => keys,
        Err(stop) => {
            eprintln!("{stop}");
            return ExitCode::FAILURE;
        }
    };
    let progress = Progress::new(keys);
    let mut report = Report::new(resource);
    let done = run(&kv, resource, task, &mut report, |settled| tell(&progress, settled)).await;
    let spent = progress.finish(report.verdicts.total());
    let mut out = std::io::stdout().lock();
    let unneeded = resource.retirable(&report.inventory);
    // A pipe that nobody reads any more takes nothing from what was done.
    let _ = writeln!(out, "{}\n{}\n{spent}", report.inventory, report.verdicts);
    match done {
        Ok(()) => {
            for (kind, name) in unneeded {
                let _ = writeln!(out, "no value under this prefix needs {kind} key \"{}\"", name.escape_debug());
            }
            ExitCode::from(report.verdicts.exit_status())
        }
        Err(stop) => {
            eprintln!("stopped, to be started again: {stop}");
            ExitCode::FAILURE
        }
    }
}

fn tell(progress: &Progress, settled: &Settled) {
    progress.advance();
    let (what, why) = match &settled.outcome {
        Outcome::Unreadable(why) => ("unreadable", why),
        Outcome::Left(why) => ("left", why),
        _ => return,
    };
    progress.print(format_args!("{what} {}: {why}", settled.read.key().escape_ascii()));
}
