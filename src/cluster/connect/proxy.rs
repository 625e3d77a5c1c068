//! Whether a proxy leads to the API server, by the rules of Go's `httpproxy` package, which kubectl follows:
//! `proxy-url` of the kubeconfig always counts; `HTTPS_PROXY` doesn't for loopback addresses and what `NO_PROXY` names.
//!
//! kube 5 compares `NO_PROXY` with the proxy's own address instead of the server's, so it is decided here.

use std::net::IpAddr;

use http::Uri;

use super::environment::Environment;
use crate::error::{Error, Result};

/// The proxy for `server`, if any.
///
/// # Errors
/// A proxy variable that holds no address.
pub(super) fn proxy_for(server: &Uri, proxy_url: Option<Uri>, environment: &Environment) -> Result<Option<Uri>> {
    if proxy_url.is_some() {
        return Ok(proxy_url);
    }
    let (name, value) = if server.scheme_str() == Some("http") {
        ("HTTP_PROXY", &environment.http_proxy)
    } else {
        ("HTTPS_PROXY", &environment.https_proxy)
    };
    let Some(value) = value else { return Ok(None) };
    let host = server
        .host()
        .unwrap_or_default()
        .trim_matches(['[', ']'])
        .to_ascii_lowercase();
    let port = server
        .port_u16()
        .unwrap_or(if server.scheme_str() == Some("http") { 80 } else { 443 });
    let is_loopback = host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
    if is_loopback
        || environment
            .no_proxy
            .as_deref()
            .is_some_and(|list| is_exempt(&host, port, list))
    {
        return Ok(None);
    }
    // "proxy.corp:3128" means http://
    let address = if value.contains("://") {
        value.clone()
    } else {
        format!("http://{value}")
    };
    match address.parse::<Uri>() {
        Ok(proxy) if proxy.host().is_some() => Ok(Some(proxy)),
        _ => Err(
            Error::usage(format!("failed to connect: {name} holds no proxy address"))
                .hint(format!("unset {name}, or set it to http://HOST:PORT")),
        ),
    }
}

/// The proxy's address as it may be printed.
pub(super) fn without_password(proxy: &Uri) -> Uri {
    let Some((_, host)) = proxy
        .authority()
        .and_then(|authority| authority.as_str().rsplit_once('@'))
    else {
        return proxy.clone();
    };
    let scheme = proxy.scheme_str().unwrap_or("http");
    format!("{scheme}://{host}").parse().unwrap_or_default()
}

/// Whether `NO_PROXY` names the host: `*`, an address, a network, a domain with what is under it, each with an optional port.
fn is_exempt(host: &str, port: u16, list: &str) -> bool {
    let address = host.parse::<IpAddr>().ok();
    list.split(',')
        .map(|entry| entry.trim().to_ascii_lowercase())
        .any(|entry| {
            if entry.is_empty() {
                return false;
            }
            if entry == "*" {
                return true;
            }
            if let Some((network, length)) = entry.split_once('/') {
                return match (address, network.parse(), length.parse()) {
                    (Some(address), Ok(network), Ok(length)) => is_inside(address, network, length),
                    _ => false,
                };
            }
            let (name, entry_port) = split_port(&entry);
            if entry_port.is_some_and(|entry_port| entry_port != port) {
                return false;
            }
            if let Ok(exempt) = name.parse::<IpAddr>() {
                return address == Some(exempt);
            }
            let name = name.strip_prefix('*').unwrap_or(name);
            match name.strip_prefix('.') {
                Some(parent) => host.strip_suffix(parent).is_some_and(|rest| rest.ends_with('.')),
                None => host == name || host.strip_suffix(name).is_some_and(|rest| rest.ends_with('.')),
            }
        })
}

/// `name:port`, `[v6]:port`, `[v6]`, `v6` or `name`.
fn split_port(entry: &str) -> (&str, Option<u16>) {
    if let Some(bracketed) = entry.strip_prefix('[') {
        let (address, rest) = bracketed.split_once(']').unwrap_or((bracketed, ""));
        return (address, rest.strip_prefix(':').and_then(|port| port.parse().ok()));
    }
    match entry.rsplit_once(':') {
        Some((name, port)) if !name.contains(':') => (name, port.parse().ok()),
        _ => (entry, None),
    }
}

fn is_inside(address: IpAddr, network: IpAddr, length: u32) -> bool {
    match (address, network) {
        (IpAddr::V4(address), IpAddr::V4(network)) if length <= 32 => {
            let mask = u32::MAX.checked_shl(32 - length).unwrap_or(0);
            address.to_bits() & mask == network.to_bits() & mask
        }
        (IpAddr::V6(address), IpAddr::V6(network)) if length <= 128 => {
            let mask = u128::MAX.checked_shl(128 - length).unwrap_or(0);
            address.to_bits() & mask == network.to_bits() & mask
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decided(server: &str, no_proxy: &str) -> Option<String> {
        let environment = Environment {
            https_proxy: Some("proxy.corp:3128".into()),
            no_proxy: Some(no_proxy.into()),
            ..Environment::default()
        };
        proxy_for(&server.parse().expect("an address"), None, &environment)
            .expect("a proxy address")
            .map(|uri| uri.to_string())
    }

    #[test]
    fn the_proxy_counts_unless_the_server_is_exempt() {
        let through = Some("http://proxy.corp:3128/".to_owned());
        assert_eq!(decided("https://api.eks.example:443", ""), through);
        for exempt in [
            "*",
            "api.eks.example",
            "eks.example",
            ".eks.example",
            "*.eks.example",
            "a, API.eks.example:443",
        ] {
            assert_eq!(decided("https://api.eks.example", exempt), None, "{exempt}");
        }
        for not in [
            "ks.example",
            "api.eks.example:6443",
            ".api.eks.example",
            ",,",
            "proxy.corp",
        ] {
            assert_eq!(decided("https://api.eks.example", not), through, "{not}");
        }
    }

    #[test]
    fn addresses_and_networks() {
        assert_eq!(decided("https://10.96.0.1:443", "10.96.0.0/12"), None);
        assert_eq!(decided("https://10.96.0.1", "10.96.0.1"), None);
        assert_eq!(decided("https://10.96.0.1", "0.0.0.0/0"), None);
        assert!(decided("https://10.128.0.1", "10.96.0.0/12").is_some());
        assert_eq!(decided("https://[fd00::1]:6443", "fd00::/8"), None);
        assert_eq!(decided("https://[fd00::1]:6443", "[fd00::1]:6443"), None);
    }

    #[test]
    fn loopback_never_goes_through_the_environments_proxy() {
        assert_eq!(decided("https://127.0.0.1:6443", ""), None);
        assert_eq!(decided("https://localhost:6443", ""), None);
        assert_eq!(decided("https://[::1]:6443", ""), None);
    }

    #[test]
    fn proxy_url_of_the_kubeconfig_always_counts() {
        let environment = Environment {
            no_proxy: Some("*".into()),
            ..Environment::default()
        };
        let proxy: Uri = "socks5://127.0.0.1:1080".parse().expect("an address");
        let server: Uri = "https://127.0.0.1:6443".parse().expect("an address");
        assert_eq!(
            proxy_for(&server, Some(proxy.clone()), &environment).expect("no error"),
            Some(proxy)
        );
    }

    #[test]
    fn a_password_is_not_printed() {
        let proxy: Uri = "http://jo:s3cret@proxy:3128".parse().expect("an address");
        assert_eq!(without_password(&proxy).to_string(), "http://proxy:3128/");
    }
}
