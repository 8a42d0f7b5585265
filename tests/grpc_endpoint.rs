//! Endpoints are read as Kubernetes reads them. What is expected was seen of Go's `net/url` and `ParseEndpoint`.
#![allow(clippy::unwrap_used)]

use atrest::{EndpointError, KmsEndpoint};

fn path(endpoint: &str) -> Result<String, EndpointError> {
    KmsEndpoint::parse(endpoint).map(|endpoint| endpoint.path().to_str().unwrap().to_owned())
}

#[test]
fn the_path_is_what_is_dialled() {
    for (endpoint, expected) in [
        ("unix:///run/kms.sock", "/run/kms.sock"),
        ("UNIX:///run/kms.sock", "/run/kms.sock"),
        ("Unix:/run/kms.sock", "/run/kms.sock"),
        ("unix:///run/kms.sock?query#fragment", "/run/kms.sock"),
        ("unix://host/run/kms.sock", "/run/kms.sock"),
        ("unix://user:word@host:80/kms.sock", "/kms.sock"),
        ("unix://[::1]:80/kms.sock", "/kms.sock"),
        ("unix:////run//kms.sock", "//run//kms.sock"),
        ("unix:///run/../kms.sock", "/run/../kms.sock"),
        ("unix:///with%20space", "/with space"),
        ("unix:///with space", "/with space"),
        ("unix:///a:b", "/a:b"),
        ("unix:///%2e", "/."),
    ] {
        assert_eq!(path(endpoint).as_deref(), Ok(expected), "{endpoint}");
    }
}

#[test]
fn an_at_sign_names_an_abstract_socket() {
    assert_eq!(path("unix:///@kms").as_deref(), Ok("@kms"));
    assert_eq!(path("unix:///@").as_deref(), Ok("@"));
    assert_eq!(path("unix://host/@kms/more").as_deref(), Ok("@kms/more"));
    assert_eq!(path("unix:///%40kms").as_deref(), Ok("@kms"));
    assert_eq!(path("unix:////@kms").as_deref(), Ok("//@kms"));
}

#[test]
fn without_a_path_nothing_is_dialled_and_nothing_refused() {
    for endpoint in ["unix:", "unix:foo", "unix:@foo", "unix:rel/path", "unix://foo", "unix://", "unix:?a", "unix:#a"] {
        assert_eq!(path(endpoint).as_deref(), Ok(""), "{endpoint}");
    }
}

#[test]
fn what_is_refused() {
    assert_eq!(path(""), Err(EndpointError::Empty));
    for endpoint in ["tcp:///run/kms.sock", "/run/kms.sock", "kms.sock", "unixx:///a", "u:/a", "@kms", "//unix/a"] {
        assert_eq!(path(endpoint), Err(EndpointError::Scheme), "{endpoint}");
    }
    for endpoint in [
        ":///run/kms.sock",
        "unix:///run\n/kms.sock",
        "unix:///run/\x7f",
        "unix:///%zz",
        "unix:///%4",
        "unix:///a#%zz",
        "unix://host:port/a",
        "unix://ho st/a",
        "unix://%41/a",
        "unix://[::1/a",
    ] {
        assert_eq!(path(endpoint), Err(EndpointError::NoUrl), "{endpoint}");
    }
}
