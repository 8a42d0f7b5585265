//! Endpoints of KMS plugins: what Go's `url.Parse` accepts, with the scheme `unix`.

use core::net::Ipv6Addr;

/// Why an endpoint is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NoEndpoint {
    Empty,
    NoUrl,
    OtherScheme,
}

/// Checks an endpoint as upstream's validation does; whether a socket is there only a call tells.
pub(super) fn check(text: &str) -> Result<(), NoEndpoint> {
    if text.is_empty() {
        return Err(NoEndpoint::Empty);
    }
    if text.bytes().any(|byte| byte < 0x20 || byte == 0x7f) {
        return Err(NoEndpoint::NoUrl);
    }
    let (url, fragment) = text.split_once('#').unwrap_or((text, ""));
    let (scheme, rest) = split_scheme(url).ok_or(NoEndpoint::NoUrl)?;
    let is_url = is_escaped_well(fragment) && is_rest_of_url(scheme, rest);
    match is_url {
        false => Err(NoEndpoint::NoUrl),
        true if scheme.eq_ignore_ascii_case("unix") => Ok(()),
        true => Err(NoEndpoint::OtherScheme),
    }
}

/// The scheme, empty if there is none, and what follows its colon; `None` where the scheme is missing.
fn split_scheme(url: &str) -> Option<(&str, &str)> {
    let end = url.find(|c: char| !c.is_ascii_alphanumeric() && !matches!(c, '+' | '-' | '.'));
    let starts_well = url.starts_with(|c: char| c.is_ascii_alphabetic());
    match end.map(|end| (end, &url[end..])) {
        Some((0, rest)) if rest.starts_with(':') => None,
        Some((end, rest)) if starts_well && rest.starts_with(':') => Some((&url[..end], &rest[1..])),
        _ => Some(("", url)),
    }
}

fn is_rest_of_url(scheme: &str, rest: &str) -> bool {
    let rest = rest.split_once('?').map_or(rest, |(rest, _)| rest);
    if !rest.starts_with('/') {
        // Behind a scheme such a rest is opaque; without one its first part must not hold a colon.
        return !scheme.is_empty()
            || !rest.split('/').next().unwrap_or_default().contains(':') && is_escaped_well(rest);
    }
    let Some(authority_and_path) = rest.strip_prefix("//").filter(|_| !scheme.is_empty() || !rest.starts_with("///"))
    else {
        return is_escaped_well(rest);
    };
    let authority_end = authority_and_path.find('/').unwrap_or(authority_and_path.len());
    let (authority, path) = authority_and_path.split_at(authority_end);
    let host_is_well = match authority.rsplit_once('@') {
        Some((user, host)) => is_user(user) && is_host(host),
        None => is_host(authority),
    };
    host_is_well && is_escaped_well(path)
}

/// Whether each `%` is followed by two hexadecimal digits.
fn is_escaped_well(text: &str) -> bool {
    escapes(text).all(|digits| digits.is_some())
}

/// The two digits behind each `%`, `None` where they are not there.
fn escapes(text: &str) -> impl Iterator<Item = Option<&str>> {
    let digits = |at: usize| text.get(at + 1..at + 3).filter(|two| two.bytes().all(|byte| byte.is_ascii_hexdigit()));
    text.match_indices('%').map(move |(at, _)| digits(at))
}

fn is_user(user: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._:~!$&'()*+,;=%@".contains(&byte);
    user.bytes().all(allowed) && is_escaped_well(user)
}

fn is_host(host: &str) -> bool {
    if let Some(literal) = host.strip_prefix('[') {
        let Some((address, port)) = literal.rsplit_once(']') else { return false };
        return is_port(port) && is_ip_v6(address);
    }
    match host.rfind(':') {
        Some(colon) => is_port(&host[colon..]) && is_host_name(host),
        None => is_host_name(host),
    }
}

/// An address and maybe its zone, behind an escaped `%`.
fn is_ip_v6(text: &str) -> bool {
    let (address, zone) = text.split_once("%25").map_or((text, None), |(address, zone)| (address, Some(zone)));
    address.parse::<Ipv6Addr>().is_ok() && zone.is_none_or(|zone| !zone.is_empty() && is_host_name(zone))
}

fn is_port(port: &str) -> bool {
    port.is_empty() || port.strip_prefix(':').is_some_and(|port| port.bytes().all(|byte| byte.is_ascii_digit()))
}

/// In a host only bytes beyond ASCII are escaped, and the `%` of a zone.
fn is_host_name(host: &str) -> bool {
    let allowed =
        |byte: u8| !byte.is_ascii() || byte.is_ascii_alphanumeric() || b"-_.~!$&'()*+,;=:[]<>\"%".contains(&byte);
    let beyond_ascii = |digits: &str| digits == "25" || digits.starts_with(|c: char| !matches!(c, '0'..='7'));
    host.bytes().all(allowed) && escapes(host).all(|digits| digits.is_some_and(beyond_ascii))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_of_gos_parser() {
        for (text, verdict) in [
            ("unix:///a", Ok(())),
            ("UNIX:///a", Ok(())),
            ("unix:rel/path", Ok(())),
            ("unix:@foo", Ok(())),
            ("unix:%zz", Ok(())),
            ("unix://a:80/b?c#d", Ok(())),
            ("unix://[::1]/b", Ok(())),
            ("unix://[::ffff:1.2.3.4]:80/b", Ok(())),
            ("unix://[fe80::1%25eth0]/b", Ok(())),
            ("unix://u:p@h/b", Ok(())),
            ("", Err(NoEndpoint::Empty)),
            ("/a/b", Err(NoEndpoint::OtherScheme)),
            ("tcp://1.2.3.4:5", Err(NoEndpoint::OtherScheme)),
            (":", Err(NoEndpoint::NoUrl)),
            (" unix:///a", Err(NoEndpoint::NoUrl)),
            ("1unix:///a", Err(NoEndpoint::NoUrl)),
            ("unix:///a\u{1}", Err(NoEndpoint::NoUrl)),
            ("unix:///%zz", Err(NoEndpoint::NoUrl)),
            ("unix:///a#%z", Err(NoEndpoint::NoUrl)),
            ("unix://h:x/a", Err(NoEndpoint::NoUrl)),
            ("unix://a b/c", Err(NoEndpoint::NoUrl)),
            ("unix://a%20/c", Err(NoEndpoint::NoUrl)),
            ("unix://[::1/c", Err(NoEndpoint::NoUrl)),
            ("unix://[foo]/a", Err(NoEndpoint::NoUrl)),
            ("unix://[]/a", Err(NoEndpoint::NoUrl)),
            ("unix://[::1]]/a", Err(NoEndpoint::NoUrl)),
            ("unix://[1.2.3.4]/a", Err(NoEndpoint::NoUrl)),
            ("unix://[v1.x]/a", Err(NoEndpoint::NoUrl)),
            ("unix://[fe80::1%25]/a", Err(NoEndpoint::NoUrl)),
            ("unix://[fe80::1%eth0]/a", Err(NoEndpoint::NoUrl)),
            ("unix://u^@h/b", Err(NoEndpoint::NoUrl)),
        ] {
            assert_eq!(check(text), verdict, "{text:?}");
        }
    }
}
