//! A URL that was given as an entry, taken apart: where to connect, which host to ask for, and what goes before the path.

use super::request::KEY;
use crate::model::route::entry::UrlTemplate;

/// A URL, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Url {
    /// As it was given.
    pub text: String,
    /// Whether TLS is spoken there.
    pub tls: bool,
    /// The host: a name, or an IP address without brackets.
    pub address: String,
    /// The port, the scheme's own where none was given.
    pub port: u16,
    /// The host to ask for, with a port where one was given.
    pub host: String,
    /// Its path and query.
    pub template: UrlTemplate,
}

impl Url {
    /// Takes a URL apart.
    ///
    /// # Errors
    /// Says why it is none that can be asked.
    pub fn parse(text: &str) -> Result<Url, String> {
        let (tls, rest) = match (text.strip_prefix("http://"), text.strip_prefix("https://")) {
            (Some(rest), _) => (false, rest),
            (_, Some(rest)) => (true, rest),
            (None, None) => return Err("it begins with neither http:// nor https://".to_owned()),
        };
        let odd = |c: char| c.is_whitespace() || c.is_control() || !c.is_ascii();
        if text.contains(odd) {
            return Err("it holds a space, or what must be percent-encoded".to_owned());
        }
        let rest = rest.split('#').next().unwrap_or_default();
        let (host, target) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        if host.contains('@') {
            return Err("a user and a password in it would be shown: send them with --header instead".to_owned());
        }
        let (address, port) = authority(host)?;
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let template = if text.contains(KEY) {
            UrlTemplate::Own {
                path: if path.is_empty() {
                    "/".to_owned()
                } else {
                    path.to_owned()
                },
                query: query.to_owned(),
            }
        } else if query.is_empty() {
            UrlTemplate::Prefix(path.trim_end_matches('/').to_owned())
        } else {
            return Err(format!("it has a query without {KEY}"));
        };
        Ok(Url {
            text: text.to_owned(),
            tls,
            address,
            port: port.unwrap_or(if tls { 443 } else { 80 }),
            host: host.to_owned(),
            template,
        })
    }
}

/// The host and the port of `shop.example.com:8443` or `[::1]:80`.
fn authority(host: &str) -> Result<(String, Option<u16>), String> {
    let (address, port) = match host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, rest)) => (address, rest.strip_prefix(':').or((!rest.is_empty()).then_some("?"))),
        None => match host.split_once(':') {
            Some((address, port)) => (address, Some(port)),
            None => (host, None),
        },
    };
    if address.is_empty() || address.contains('{') {
        return Err("it names no host".to_owned());
    }
    let port = port.map(|port| match port.parse() {
        Ok(0) | Err(_) => Err(format!("`{port}` is no port")),
        Ok(port) => Ok(port),
    });
    Ok((address.to_owned(), port.transpose()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own(path: &str, query: &str) -> UrlTemplate {
        UrlTemplate::Own {
            path: path.to_owned(),
            query: query.to_owned(),
        }
    }

    #[test]
    fn every_part_is_found_and_the_port_is_the_schemes_own() {
        let url = Url::parse("https://shop.example.com/db/{key}?v=1#x").unwrap();
        assert_eq!(
            (url.tls, url.address.as_str(), url.port),
            (true, "shop.example.com", 443)
        );
        assert_eq!(
            (url.host.as_str(), url.template),
            ("shop.example.com", own("/db/{key}", "v=1"))
        );
        let url = Url::parse("http://[::1]:8080?key={key}").unwrap();
        assert_eq!(
            (url.address.as_str(), url.port, url.host.as_str()),
            ("::1", 8080, "[::1]:8080")
        );
        assert_eq!(url.template, own("/", "key={key}"));
    }

    #[test]
    fn without_the_key_it_goes_before_the_path() {
        for (text, prefix) in [("http://a", ""), ("http://a/", ""), ("http://a/db/", "/db")] {
            assert_eq!(
                Url::parse(text).unwrap().template,
                UrlTemplate::Prefix(prefix.to_owned())
            );
        }
    }

    #[test]
    fn what_cant_be_asked_is_refused_in_words() {
        for (text, words) in [
            ("shop.example.com", "neither http:// nor https://"),
            ("http://", "no host"),
            ("http://{key}.example.com", "no host"),
            ("http://a:0", "no port"),
            ("http://[::1]x", "no port"),
            ("http://a/b c", "space"),
            ("http://u:p@a/", "--header"),
            ("http://a/?v=1", "without {key}"),
        ] {
            let why = Url::parse(text).unwrap_err();
            assert!(why.contains(words), "{text}: {why}");
        }
    }
}
