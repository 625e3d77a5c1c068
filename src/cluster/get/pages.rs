//! Lists in pages: each item is handed over as it is parsed.

use std::fmt;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::{Api, unreadable};
use crate::cluster::failure::Failure;

/// How many objects are asked for at once; kubectl's `--chunk-size`.
const PAGE: usize = 500;

/// See [`Api::list`].
pub(super) async fn list<K>(api: &Api, path: &str, query: &str, mut keep: K) -> Result<Vec<Box<RawValue>>, Failure>
where
    K: FnMut(Box<RawValue>) -> Option<Box<RawValue>>,
{
    let mut kept = Vec::new();
    let mut more: Option<String> = None;
    loop {
        let page = more.as_deref().map_or_else(
            || format!("limit={PAGE}"),
            |token| format!("limit={PAGE}&continue={}", percent_encoded(token)),
        );
        match api.get(&with_query(path, query, &page)).await {
            Ok(answer) => {
                more = read_page(&answer.body, &mut keep, &mut kept)?;
                if more.is_none() {
                    return Ok(kept);
                }
            }
            // The token outlived the server's memory of that state (etcd compaction, five minutes). Pages of two states
            // can't be joined; asking for all at once can't expire again.
            Err(Failure::Server { code: 410, .. }) if more.is_some() => {
                kept.clear();
                let answer = api.get(&with_query(path, query, "")).await?;
                return match read_page(&answer.body, &mut keep, &mut kept)? {
                    None => Ok(kept),
                    Some(_) => Err(Failure::NotKubernetes {
                        what: "a part of a list that was asked for whole".to_owned(),
                    }),
                };
            }
            Err(failure) => return Err(failure),
        }
    }
}

fn with_query(path: &str, query: &str, page: &str) -> String {
    let query: Vec<&str> = [query, page].into_iter().filter(|part| !part.is_empty()).collect();
    if query.is_empty() {
        path.to_owned()
    } else {
        format!("{path}?{}", query.join("&"))
    }
}

/// Continue tokens are URL-safe base64 today, but opaque by contract.
fn percent_encoded(token: &str) -> String {
    let mut encoded = String::with_capacity(token.len());
    for byte in token.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

/// Reads one page into `kept` and returns the token of the next.
fn read_page<K>(body: &str, keep: &mut K, kept: &mut Vec<Box<RawValue>>) -> Result<Option<String>, Failure>
where
    K: FnMut(Box<RawValue>) -> Option<Box<RawValue>>,
{
    let mut json = serde_json::Deserializer::from_str(body);
    let more = Page { keep, kept }.deserialize(&mut json).map_err(unreadable)?;
    json.end().map_err(unreadable)?;
    Ok(more.filter(|token| !token.is_empty()))
}

struct Page<'a, K> {
    keep: &'a mut K,
    kept: &'a mut Vec<Box<RawValue>>,
}

impl<'de, K> DeserializeSeed<'de> for Page<'_, K>
where
    K: FnMut(Box<RawValue>) -> Option<Box<RawValue>>,
{
    type Value = Option<String>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de, K> Visitor<'de> for Page<'_, K>
where
    K: FnMut(Box<RawValue>) -> Option<Box<RawValue>>,
{
    type Value = Option<String>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a Kubernetes list")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<Self::Value, A::Error> {
        #[derive(Deserialize, Default)]
        struct Metadata {
            #[serde(rename = "continue")]
            more: Option<String>,
        }
        let mut metadata = None;
        let mut has_items = false;
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "metadata" => metadata = map.next_value::<Option<Metadata>>()?,
                "items" => {
                    has_items = true;
                    map.next_value_seed(Items(&mut self))?;
                }
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        if !has_items {
            // an empty set of results is `items: []` or null; without the field this isn't a list
            return Err(serde::de::Error::missing_field("items"));
        }
        Ok(metadata.unwrap_or_default().more)
    }
}

struct Items<'a, 'b, K>(&'a mut Page<'b, K>);

impl<'de, K> DeserializeSeed<'de> for Items<'_, '_, K>
where
    K: FnMut(Box<RawValue>) -> Option<Box<RawValue>>,
{
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de, K> Visitor<'de> for Items<'_, '_, K>
where
    K: FnMut(Box<RawValue>) -> Option<Box<RawValue>>,
{
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the items of a Kubernetes list")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        while let Some(item) = items.next_element::<Box<RawValue>>()? {
            if let Some(item) = (self.0.keep)(item) {
                self.0.kept.push(item);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &str) -> Result<(Vec<String>, Option<String>), Failure> {
        let mut kept = Vec::new();
        let more = read_page(body, &mut Some, &mut kept)?;
        Ok((kept.iter().map(|item| item.get().to_owned()).collect(), more))
    }

    #[test]
    fn items_are_kept_byte_for_byte_in_any_order_of_fields() {
        let (items, more) =
            read(r#"{"items":[{"a": 1.10 },{"b":"\u00e4"}],"kind":"PodList","metadata":{"continue":"x=="}}"#)
                .expect("a list");
        assert_eq!(items, [r#"{"a": 1.10 }"#, r#"{"b":"\u00e4"}"#]);
        assert_eq!(more.as_deref(), Some("x=="));
    }

    #[test]
    fn null_items_are_none_and_no_items_are_an_error() {
        assert_eq!(
            read(r#"{"metadata":{"continue":""},"items":null}"#),
            Ok((Vec::new(), None))
        );
        assert!(read(r#"{"kind":"Pod","metadata":{}}"#).is_err());
        assert!(read(r#"{"items":[{}"#).is_err());
        assert!(read(r#"{"items":[]} trailing"#).is_err());
    }

    #[test]
    fn a_token_goes_into_a_query_unharmed() {
        assert_eq!(
            with_query("/p", "labelSelector=a", "limit=5"),
            "/p?labelSelector=a&limit=5"
        );
        assert_eq!(with_query("/p", "", ""), "/p");
        assert_eq!(percent_encoded("aZ09-_.~+/=&"), "aZ09-_.~%2B%2F%3D%26");
    }
}
