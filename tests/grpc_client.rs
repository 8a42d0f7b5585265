//! The client against a server that answers from a script: the bytes on the wire, and what each answer means.
#![allow(clippy::unwrap_used, clippy::std_instead_of_alloc)]

#[path = "common/scripted_plugin.rs"]
mod scripted_plugin;
#[path = "common/sockets.rs"]
mod sockets;

use core::error::Error as _;
use core::sync::atomic::{AtomicBool, Ordering};
use core::time::Duration;
use std::collections::BTreeMap;
use std::sync::Arc;

use atrest::{
    AsyncKek, Error, GrpcError, KekError, KmsClient, KmsEndpoint, KmsFault, KmsV1Client, Refusal, WrappedDek,
};
use tonic::Code;

use scripted_plugin::{Answer, ScriptedPlugin};
use sockets::Folder;

fn endpoint(folder: &Folder) -> KmsEndpoint {
    KmsEndpoint::from_path(folder.socket())
}

fn client(folder: &Folder) -> KmsClient {
    KmsClient::new(endpoint(folder))
}

fn grpc(error: &KekError) -> &GrpcError {
    error.source().unwrap().downcast_ref().unwrap()
}

/// A field of type bytes, by the rules of the wire format; short ones only.
fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
    let mut out = vec![number << 3 | 2, u8::try_from(bytes.len()).unwrap()];
    assert!(bytes.len() < 128);
    out.extend_from_slice(bytes);
    out
}

fn annotation(number: u8, name: &str, value: &[u8]) -> Vec<u8> {
    field(number, &[field(1, name.as_bytes()), field(2, value)].concat())
}

#[tokio::test]
async fn a_status_is_read_as_it_is() {
    let folder = Folder::new();
    let bytes = [field(1, b"v2beta1"), field(2, b"not so well"), field(3, b"id \xc3\xa9")].concat();
    let plugin = ScriptedPlugin::start(&folder.socket(), move |_, _| Answer::Bytes(bytes.clone()));
    let status = client(&folder).status().await.unwrap();
    assert_eq!((status.version(), status.healthz(), status.key_id()), ("v2beta1", "not so well", "id é"));
    let [call] = &plugin.calls()[..] else { unreachable!() };
    assert_eq!(
        (&*call.method, &*call.authority, &*call.message),
        ("/v2.KeyManagementService/Status", "localhost", &[][..])
    );
}

#[tokio::test]
async fn what_is_sent_and_taken_in_is_what_the_protocol_says() {
    let folder = Folder::new();
    let plugin = ScriptedPlugin::start(&folder.socket(), |method, _| {
        Answer::Bytes(if method.ends_with("Encrypt") {
            [
                field(1, b"wrapped"),
                field(2, b"id1"),
                annotation(3, "a.example", b"\0\xff"),
                annotation(3, "b.example", b""),
            ]
            .concat()
        } else {
            field(1, b"the dek")
        })
    });
    let client = client(&folder);
    let wrapped = client.wrap_dek(b"the dek", b"").await.unwrap();
    assert_eq!((wrapped.key_id(), wrapped.bytes()), ("id1", &b"wrapped"[..]));
    let annotations = BTreeMap::from([("a.example".to_owned(), b"\0\xff".to_vec()), ("b.example".to_owned(), vec![])]);
    assert_eq!(wrapped.annotations(), &annotations);

    let annotations = [("a.example", &b"\0\xff"[..]), ("b.example", b"c")];
    let request = WrappedDek::new("id0", b"wrapped", b"").with_annotations(&annotations);
    assert_eq!(client.unwrap_dek(request).await.unwrap().expose(), b"the dek");

    let [encrypt, decrypt] = &plugin.calls()[..] else { unreachable!() };
    assert_eq!((&*encrypt.method, &*encrypt.authority), ("/v2.KeyManagementService/Encrypt", "localhost"));
    let uid = |message: &[u8], at: usize| String::from_utf8(message[at..at + 36].to_vec()).unwrap();
    let first = uid(&encrypt.message, 11);
    assert_eq!(encrypt.message, [field(1, b"the dek"), field(2, first.as_bytes())].concat());
    assert_eq!(decrypt.method, "/v2.KeyManagementService/Decrypt");
    let second = uid(&decrypt.message, 11);
    let expected = [
        field(1, b"wrapped"),
        field(2, second.as_bytes()),
        field(3, b"id0"),
        annotation(4, "a.example", b"\0\xff"),
        annotation(4, "b.example", b"c"),
    ];
    assert_eq!(decrypt.message, expected.concat());
    assert_ne!(first, second);
    assert_eq!(plugin.connections(), 1);
}

#[tokio::test]
async fn each_code_says_what_it_lets_one_know() {
    const CODES: [(Code, Refusal, Refusal); 16] = [
        (Code::Cancelled, Refusal::Unreachable, Refusal::Unreachable),
        (Code::Unknown, Refusal::Unreachable, Refusal::Unreachable),
        (Code::InvalidArgument, Refusal::Unreachable, Refusal::NotMine),
        (Code::DeadlineExceeded, Refusal::Unreachable, Refusal::Unreachable),
        (Code::NotFound, Refusal::Unreachable, Refusal::NotMine),
        (Code::AlreadyExists, Refusal::Unreachable, Refusal::Unreachable),
        (Code::PermissionDenied, Refusal::Denied, Refusal::Denied),
        (Code::ResourceExhausted, Refusal::Unreachable, Refusal::Unreachable),
        (Code::FailedPrecondition, Refusal::Unreachable, Refusal::Unreachable),
        (Code::Aborted, Refusal::Unreachable, Refusal::Unreachable),
        (Code::OutOfRange, Refusal::Unreachable, Refusal::Unreachable),
        (Code::Unimplemented, Refusal::Unreachable, Refusal::Unreachable),
        (Code::Internal, Refusal::Unreachable, Refusal::Unreachable),
        (Code::Unavailable, Refusal::Unreachable, Refusal::Unreachable),
        (Code::DataLoss, Refusal::Unreachable, Refusal::Unreachable),
        (Code::Unauthenticated, Refusal::Denied, Refusal::Denied),
    ];
    let client_of = |code: Code| {
        let folder = Folder::new();
        let plugin =
            ScriptedPlugin::start(&folder.socket(), move |_, _| Answer::Status(code, "the plugin's word".into()));
        (client(&folder), folder, plugin)
    };
    for (code, otherwise, to_unwrap) in CODES {
        let (client, _folder, plugin) = client_of(code);
        let wrap = client.wrap_dek(&[7; 32], b"").await.unwrap_err();
        let unwrap = client.unwrap_dek(WrappedDek::new("id", b"wrapped", b"")).await.unwrap_err();
        let status = client.status().await.unwrap_err();
        assert_eq!([wrap.refusal(), status.refusal(), unwrap.refusal()], [otherwise, otherwise, to_unwrap], "{code:?}");
        assert_eq!((grpc(&unwrap).code(), grpc(&unwrap).text()), (code as i32, "the plugin's word"));
        assert_eq!(grpc(&unwrap).method(), "/v2.KeyManagementService/Decrypt");
        assert_eq!(plugin.calls().len(), 3, "{code:?}: an answer is an answer, and is not asked for again");
        assert_ne!(unwrap.refusal().error(), Error::Open);
    }
}

#[tokio::test]
async fn a_text_without_end_is_cut_off_and_a_message_without_end_is_not_read() {
    let folder = Folder::new();
    let _plugin = ScriptedPlugin::start(&folder.socket(), |method, _| {
        if method.ends_with("Status") {
            return Answer::Status(Code::Unknown, "é".repeat(2000));
        }
        let len = if method.ends_with("Encrypt") { 128 * 1024 } else { 100_000 };
        // Field 1, and its length of three groups of 7 bits.
        let groups = [len & 0x7f | 0x80, len >> 7 & 0x7f | 0x80, len >> 14].map(|group| u8::try_from(group).unwrap());
        Answer::Bytes([&[0x0a], &groups[..], &vec![7; len]].concat())
    });
    let client = client(&folder);
    let error = client.status().await.unwrap_err();
    assert_eq!(error.refusal(), Refusal::Unreachable);
    assert_eq!(grpc(&error).text(), "é".repeat(512));
    let error = client.wrap_dek(&[7; 32], b"").await.unwrap_err();
    assert_eq!((error.refusal(), grpc(&error).code()), (Refusal::Unreachable, Code::OutOfRange as i32));
    // One within the bound is.
    assert_eq!(client.unwrap_dek(WrappedDek::new("id", b"wrapped", b"")).await.unwrap().len(), 100_000);
}

#[tokio::test]
async fn an_answer_that_is_no_message_is_a_plugin_that_cannot_be_reached() {
    for bytes in [&b"\x0a\x05ab"[..], b"\x0f", b"\x1a\x02\xff\xfe"] {
        let folder = Folder::new();
        let _plugin = ScriptedPlugin::start(&folder.socket(), |_, _| Answer::Bytes(bytes.to_vec()));
        let error = client(&folder).status().await.unwrap_err();
        assert_eq!(error.refusal(), Refusal::Unreachable, "{bytes:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_waits_for_its_time_and_no_longer() {
    let folder = Folder::new();
    let started = tokio::time::Instant::now();
    let error = client(&folder).status().await.unwrap_err();
    assert_eq!((error.refusal(), grpc(&error).code()), (Refusal::Unreachable, Code::DeadlineExceeded as i32));
    assert!(grpc(&error).text().starts_with("not connected within 3s: "), "{error:?}");
    assert_eq!(started.elapsed().as_secs(), 3);

    let _plugin = ScriptedPlugin::start(&folder.socket(), |_, _| Answer::Silence);
    let started = tokio::time::Instant::now();
    let error = client(&folder).with_timeout(Duration::from_secs(7)).status().await.unwrap_err();
    assert_eq!(grpc(&error).text(), "no answer within 7s");
    assert_eq!(started.elapsed().as_secs(), 7);
    let error = client(&folder).with_timeout(Duration::ZERO).status().await.unwrap_err();
    assert_eq!(error.refusal(), Refusal::Unreachable);
}

#[tokio::test(start_paused = true)]
async fn a_call_waits_for_a_plugin_that_comes_later() {
    let folder = Folder::new();
    let client = client(&folder);
    let (status, plugin) = tokio::join!(client.status(), async {
        tokio::time::sleep(Duration::from_millis(1500)).await;
        ScriptedPlugin::start(&folder.socket(), |_, _| Answer::Bytes(field(3, b"id1")))
    });
    assert_eq!(status.unwrap().key_id(), "id1");
    assert_eq!(plugin.calls().len(), 1);
}

#[tokio::test]
async fn a_lost_connection_is_made_again() {
    let folder = Folder::new();
    let client = client(&folder);
    for id in [b"id1", b"id2", b"id3"] {
        let plugin = ScriptedPlugin::start(&folder.socket(), move |_, _| Answer::Bytes(field(3, id)));
        for _ in 0..3 {
            assert_eq!(client.clone().status().await.unwrap().key_id().as_bytes(), id);
        }
        assert_eq!(plugin.connections(), 1);
        drop(plugin);
        std::fs::remove_file(folder.socket()).unwrap();
    }
}

#[tokio::test]
async fn calls_at_once_share_a_connection() {
    let folder = Folder::new();
    let plugin = ScriptedPlugin::start(&folder.socket(), |_, _| Answer::Bytes(field(3, b"id1")));
    let client = client(&folder);
    let calls = (0..200).map(|_| client.status());
    assert!(futures_util::future::join_all(calls).await.into_iter().all(|status| status.is_ok()));
    assert_eq!((plugin.calls().len(), plugin.connections()), (200, 1));
}

#[tokio::test]
async fn a_context_is_refused_before_anything_is_sent() {
    let folder = Folder::new();
    let plugin = ScriptedPlugin::start(&folder.socket(), |_, _| Answer::Bytes(field(1, b"dek")));
    let v2 = client(&folder);
    let v1 = KmsV1Client::new(endpoint(&folder));
    let clients: [&dyn AsyncKek; 2] = [&v2, &v1];
    for client in clients {
        assert_eq!(client.wrap_dek(&[7; 32], b"tenant").await.unwrap_err().refusal(), Refusal::Denied);
        let unwrapped = client.unwrap_dek(WrappedDek::new("id", b"wrapped", b"tenant")).await;
        assert_eq!(unwrapped.unwrap_err().refusal(), Refusal::NotMine);
    }
    assert_eq!(plugin.calls(), []);
}

#[tokio::test]
async fn v1_asks_for_the_version_first_until_it_is_right() {
    let folder = Folder::new();
    let is_right = Arc::new(AtomicBool::new(false));
    let script = Arc::clone(&is_right);
    let plugin = ScriptedPlugin::start(&folder.socket(), move |method, _| {
        Answer::Bytes(match (method, script.load(Ordering::SeqCst)) {
            ("/v1beta1.KeyManagementService/Version", true) => field(1, b"v1beta1"),
            ("/v1beta1.KeyManagementService/Version", false) => field(1, b"v1"),
            ("/v1beta1.KeyManagementService/Encrypt", _) => field(1, b"wrapped"),
            _ => field(1, b"the dek"),
        })
    });
    let client = KmsV1Client::new(endpoint(&folder));
    for _ in 0..2 {
        let error = client.wrap_dek(b"the dek", b"").await.unwrap_err();
        assert_eq!((error.refusal(), grpc(&error).code()), (Refusal::Unreachable, Code::Unimplemented as i32));
    }
    assert_eq!((plugin.count("Version"), plugin.calls().len()), (2, 2));

    is_right.store(true, Ordering::SeqCst);
    let wrapped = client.wrap_dek(b"the dek", b"").await.unwrap();
    assert_eq!((wrapped.key_id(), wrapped.bytes(), wrapped.annotations().len()), ("", &b"wrapped"[..], 0));
    let dek = client.clone().unwrap_dek(WrappedDek::new("", b"wrapped", b"")).await.unwrap();
    assert_eq!(dek.expose(), b"the dek");
    let calls = plugin.calls();
    assert_eq!((plugin.count("Version"), calls.len()), (3, 5));
    assert_eq!(calls[2].message, field(1, b"v1beta1"));
    assert_eq!(calls[3].message, [field(1, b"v1beta1"), field(2, b"the dek")].concat());
    assert_eq!(calls[4].message, [field(1, b"v1beta1"), field(2, b"wrapped")].concat());
    assert!(calls.iter().all(|call| call.authority == "localhost"));
}

#[tokio::test]
async fn v1_is_well_if_it_wraps_and_unwraps() {
    let folder = Folder::new();
    let fails = Arc::new(std::sync::Mutex::new(""));
    let script = Arc::clone(&fails);
    let plugin = ScriptedPlugin::start(&folder.socket(), move |method, _| match *script.lock().unwrap() {
        fails if !fails.is_empty() && method.ends_with(fails) => Answer::Status(Code::Unavailable, "away".into()),
        _ if method.ends_with("Version") => Answer::Bytes(field(1, b"v1beta1")),
        _ => Answer::Bytes(field(1, b"anything")),
    });
    let client = KmsV1Client::new(endpoint(&folder));
    client.probe().await.unwrap();
    let messages: Vec<_> = plugin.calls().into_iter().skip(1).map(|call| call.message).collect();
    let [encrypt, decrypt] = [&b"ping"[..], b"anything"].map(|bytes| [field(1, b"v1beta1"), field(2, bytes)].concat());
    assert_eq!(messages, [encrypt, decrypt]);
    for method in ["Encrypt", "Decrypt"] {
        *fails.lock().unwrap() = method;
        assert_eq!(client.probe().await.unwrap_err().refusal(), Refusal::Unreachable, "{method}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_verdict_on_v1_holds_for_twenty_seconds_or_three_and_nothing_is_asked_meanwhile() {
    let folder = Folder::new();
    let fails = Arc::new(std::sync::Mutex::new(""));
    let script = Arc::clone(&fails);
    let plugin = ScriptedPlugin::start(&folder.socket(), move |method, _| match *script.lock().unwrap() {
        fails if !fails.is_empty() && method.ends_with(fails) => Answer::Status(Code::PermissionDenied, "no".into()),
        _ if method.ends_with("Version") => Answer::Bytes(field(1, b"v1beta1")),
        _ => Answer::Bytes(field(1, b"anything")),
    });
    let started = tokio::time::Instant::now();
    let client = KmsV1Client::new(endpoint(&folder));
    assert!(client.cause().is_none() && plugin.calls().is_empty());
    let denied = Error::KekDenied;
    // In milliseconds; how many Encrypts and Decrypts there were so far; what a check says.
    for (at, failing, asked, fault) in [
        (0, "", [1, 1], None),
        (19_900, "Encrypt", [1, 1], None),
        (20_000, "Encrypt", [2, 1], Some(KmsFault::Wrap(denied))),
        (22_900, "", [2, 1], Some(KmsFault::Wrap(denied))),
        (23_000, "Decrypt", [3, 2], Some(KmsFault::Unwrap(denied))),
        (25_900, "", [3, 2], Some(KmsFault::Unwrap(denied))),
        (26_000, "", [4, 3], None),
        (45_900, "Version", [4, 3], None),
        // The version was right once, and is not asked for again.
        (46_100, "Version", [5, 4], None),
        (600_000, "", [6, 5], None),
    ] {
        tokio::time::sleep_until(started + Duration::from_millis(at)).await;
        *fails.lock().unwrap() = failing;
        let of_a_clone = client.clone().check().await;
        assert_eq!(client.check().await, of_a_clone);
        assert_eq!(of_a_clone.faults().collect::<Vec<_>>(), fault.into_iter().collect::<Vec<_>>(), "{at}");
        assert_eq!([plugin.count("Encrypt"), plugin.count("Decrypt")], asked, "{at}");
        assert_eq!(client.cause().map(|cause| cause.refusal()), fault.map(|_| Refusal::Denied), "{at}");
    }
    // However many ask at once, the plugin is asked once.
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert!(futures_util::future::join_all((0..50).map(|_| client.check())).await.iter().all(|it| it.is_healthy()));
    assert_eq!([plugin.count("Encrypt"), plugin.count("Decrypt")], [7, 6]);
}

#[tokio::test(start_paused = true)]
async fn a_plugin_of_v1_that_is_not_there_is_a_verdict_too() {
    let client = KmsV1Client::new(endpoint(&Folder::new())).with_timeout(Duration::from_millis(200));
    let health = client.check().await;
    assert_eq!(health.faults().collect::<Vec<_>>(), [KmsFault::Wrap(Error::KekUnreachable)]);
    assert_eq!(health.to_string(), format!("the KMS does not wrap: {}", Error::KekUnreachable));
    assert_eq!(grpc(&client.cause().unwrap()).code(), Code::DeadlineExceeded as i32);
}

#[test]
fn outside_of_a_runtime_a_call_is_refused() {
    let folder = Folder::new();
    let error = pollster::block_on(client(&folder).status()).unwrap_err();
    assert_eq!(error.refusal(), Refusal::Unreachable);
    assert_eq!(grpc(&error).text(), "the call was not made within a tokio runtime");
}
