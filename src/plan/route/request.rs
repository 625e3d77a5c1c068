//! One request about one key to one entry, from the template of a run.

use crate::model::route::ask::Ask;
use crate::model::route::entry::{Entry, UrlTemplate, Way};
use crate::model::route::wire::Request;

/// What stands for the key in a template.
pub const KEY: &str = "{key}";

/// The request about `key` to an entry; `keep`: the headers of the answer that count.
pub fn request(ask: &Ask, entry: &Entry, key: &str, keep: &[String]) -> Request {
    let (path, query) = match &entry.way {
        Way::Url {
            template: UrlTemplate::Own { path, query },
            ..
        } => (path.clone(), query.as_str()),
        Way::Url {
            template: UrlTemplate::Prefix(prefix),
            ..
        } => (format!("{prefix}{}", ask.path), ask.query.as_str()),
        Way::Lb { .. } | Way::Shard { .. } | Way::InCluster { .. } => (ask.path.clone(), ask.query.as_str()),
    };
    let encoded = encoded(key);
    let mut target = path.replace(KEY, &encoded);
    if !query.is_empty() {
        target.push('?');
        target.push_str(&query.replace(KEY, &encoded));
    }
    Request {
        method: ask.method.clone(),
        target,
        host: entry.host.clone(),
        headers: ask
            .headers
            .iter()
            .map(|(name, value)| (name.clone(), value.replace(KEY, key)))
            .collect(),
        body: ask.body.as_ref().map(|body| body.replace(KEY, key).into_bytes()),
        keep: keep.to_vec(),
    }
}

/// Whether the key is anywhere in what is sent; a test that doesn't send it tests nothing.
pub fn sends_the_key(ask: &Ask) -> bool {
    let texts = [&ask.path, &ask.query].into_iter().chain(&ask.body);
    let values = ask.headers.iter().map(|(_, value)| value);
    texts.chain(values).any(|text| text.contains(KEY))
}

/// Percent-encoded for a path's segment and for a query's value alike: only RFC 3986's unreserved characters stay.
fn encoded(key: &str) -> String {
    let mut out = String::with_capacity(key.len());
    for byte in key.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.push(char::from(byte)),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    // A segment of one or two dots would be taken for a way up.
    match out.as_str() {
        "." | ".." => out.replace('.', "%2E"),
        _ => out,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask() -> Ask {
        Ask {
            method: "POST".to_owned(),
            path: "/lookup/{key}".to_owned(),
            query: "key={key}&v=1".to_owned(),
            headers: vec![("X-Shard-Key".to_owned(), "k {key}".to_owned())],
            body: Some("{\"key\":\"{key}\"}".to_owned()),
            expect: Vec::new(),
        }
    }

    fn entry(way: Way) -> Entry {
        Entry {
            name: "x".to_owned(),
            way,
            tls: false,
            host: "shop".to_owned(),
        }
    }

    fn url(template: UrlTemplate) -> Entry {
        entry(Way::Url {
            address: "shop".to_owned(),
            port: 80,
            template,
        })
    }

    #[test]
    fn the_key_goes_wherever_the_template_has_it() {
        let lb = entry(Way::Lb {
            address: "1.2.3.4".to_owned(),
            port: 80,
        });
        let sent = request(&ask(), &lb, "a/b ü", &["x".to_owned()]);
        assert_eq!(sent.target, "/lookup/a%2Fb%20%C3%BC?key=a%2Fb%20%C3%BC&v=1");
        assert_eq!(sent.headers, [("X-Shard-Key".to_owned(), "k a/b ü".to_owned())]);
        assert_eq!(sent.body.unwrap(), "{\"key\":\"a/b ü\"}".as_bytes());
        assert_eq!((sent.host.as_str(), sent.keep.len()), ("shop", 1));
        assert!(request(&ask(), &lb, "..", &[]).target.starts_with("/lookup/%2E%2E?"));
    }

    #[test]
    fn a_url_with_the_key_is_used_as_it_is_and_another_goes_before_the_path() {
        let own = UrlTemplate::Own {
            path: "/of/{key}".to_owned(),
            query: String::new(),
        };
        assert_eq!(request(&ask(), &url(own), "a", &[]).target, "/of/a");
        let prefix = UrlTemplate::Prefix("/db".to_owned());
        assert_eq!(request(&ask(), &url(prefix), "a", &[]).target, "/db/lookup/a?key=a&v=1");
    }

    #[test]
    fn a_template_without_the_key_is_known() {
        assert!(sends_the_key(&ask()));
        let without = Ask {
            path: "/".to_owned(),
            query: String::new(),
            headers: Vec::new(),
            body: None,
            ..ask()
        };
        assert!(!sends_the_key(&without));
    }
}
