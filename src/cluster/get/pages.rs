//! Lists in pages: each item is handed over as it is parsed.

use std::fmt;
use std::marker::PhantomData;
use std::panic::resume_unwind;

use futures::StreamExt as _;
use futures::future::join;
use futures::stream::FuturesOrdered;
use serde::Deserialize;
use serde::de::{
    DeserializeOwned, DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor,
};

use tokio::sync::mpsc;

use super::binary::{Malformed, Unpack};
use super::skim::{Skim, Text};
use super::stream::Stream;
use super::{Api, JSON, unreadable};
use crate::cluster::failure::Failure;

/// How many objects are asked for at once; kubectl's `--chunk-size`.
pub(super) const PAGE: u32 = 500;

/// How many pages of a list are asked for at a time where the next one is known early.
const AT_ONCE: usize = 2;

/// Reads a list page by page: `read` adds a page's items to the sum and tells the token of the next ([`whole`] or [`skimmed`]).
/// `accept` is the form that is asked for, one of JSON's.
///
/// A page that names the next one is read on a thread of its own while that one is on its way: of a large cluster the reading
/// takes as long as the network. The two take turns in the same memory. (Not where the server is in this process.)
pub(super) async fn fold<S, R>(api: &Api, path: &str, query: &str, accept: &'static str, read: R) -> Result<S, Failure>
where
    S: Default + Send + 'static,
    R: FnMut(&mut S, &[u8]) -> Result<Option<String>, Failure> + Send + 'static,
{
    let mut sum = Sum { read, of: S::default() };
    // Of other forms than whole objects a page is small in any case.
    let size = if accept == JSON { api.page } else { PAGE };
    let page = |token: &str| with_query(path, query, &after(token, size));
    let first = with_query(path, query, &format!("limit={size}"));
    let mut body = api.get_into(&first, accept, Vec::new()).await?;
    let mut spare = Vec::new();
    loop {
        let next = match token_at_the_top(&body).filter(|_| api.beside) {
            Some(token) => {
                let at_work = tokio::task::spawn_blocking(move || {
                    let read = sum.read(&body);
                    (sum, read, body)
                });
                let next = page(&token);
                let (next, done) = join(api.get_into(&next, accept, std::mem::take(&mut spare)), at_work).await;
                let read;
                (sum, read, spare) = done.unwrap_or_else(|error| resume_unwind(error.into_panic()));
                read?;
                next
            }
            None => match sum.read(&body)? {
                None => return Ok(sum.of),
                Some(token) => api.get_into(&page(&token), accept, body).await,
            },
        };
        body = match next {
            Ok(next) => next,
            // The token outlived the server's memory of that state (etcd compaction, five minutes). Pages of two states
            // can't be joined; asking for all at once can't expire again.
            Err(Failure::Server { code: 410, .. }) => {
                sum.of = S::default();
                let whole = api.get_into(&with_query(path, query, ""), accept, spare).await?;
                return match sum.read(&whole)? {
                    None => Ok(sum.of),
                    Some(_) => Err(only_a_part()),
                };
            }
            Err(failure) => return Err(failure),
        };
    }
}

/// As [`fold`], with pages in protocol buffers, each of which is read while it comes in: it is still in the processor's cache then,
/// and another thread would only take turns with the one that receives. Pages in JSON are read as they are.
pub(super) async fn fold_streamed<S, T>(
    api: &Api,
    path: &str,
    query: &str,
    mut add: impl FnMut(&mut S, T) + Send,
) -> Result<S, Failure>
where
    S: Default + Send,
    T: DeserializeOwned + Unpack + Send,
{
    let mut hand_over = |mut page: Stream<T>, sum: &mut S| {
        if let Some(body) = page.other() {
            return skimmed(body, |item| add(sum, item));
        }
        page.hand_over(|item| add(sum, item)).map_err(malformed)
    };
    // A page tells at its beginning where the next one is, and that is asked for then: the server makes it while this one comes in.
    let (tell, mut told) = mpsc::unbounded_channel();
    let read = |place: usize, narrowed: String| {
        let mut page = Stream::telling(place, tell.clone());
        async move {
            api.get_page(&with_query(path, query, &narrowed), &mut page).await?;
            Ok::<_, Failure>(page)
        }
    };
    let mut sum = S::default();
    let mut coming = FuturesOrdered::new();
    coming.push_back(read(0, format!("limit={PAGE}")));
    let (mut asked, mut done) = (1, 0);
    loop {
        let next = tokio::select! {
            biased;
            Some(next) = told.recv(), if coming.len() < AT_ONCE => Some(next),
            Some(page) = coming.next() => {
                let more = match page.and_then(|page| hand_over(page, &mut sum)) {
                    // As in `fold`.
                    Err(Failure::Server { code: 410, .. }) if done > 0 => {
                        sum = S::default();
                        return match hand_over(read(0, String::new()).await?, &mut sum)? {
                            None => Ok(sum),
                            Some(_) => Err(only_a_part()),
                        };
                    }
                    more => more?,
                };
                done += 1;
                more.map(|token| (done - 1, token))
            }
            else => return Ok(sum),
        };
        // A page that is read once more, or that has told already, says the same again.
        if let Some((place, token)) = next
            && place + 1 == asked
        {
            coming.push_back(read(asked, after(&token, PAGE)));
            asked += 1;
        }
        if coming.is_empty() {
            return Ok(sum);
        }
    }
}

fn malformed(Malformed(why): Malformed) -> Failure {
    Failure::NotKubernetes {
        what: format!("protocol buffers that can't be read as what was asked for: {why}"),
    }
}

fn only_a_part() -> Failure {
    Failure::NotKubernetes {
        what: "a part of a list that was asked for whole".to_owned(),
    }
}

/// What asks for the page that a token leads to.
fn after(token: &str, size: u32) -> String {
    format!("limit={size}&continue={}", percent_encoded(token))
}

/// What was made of the items so far, and how the next page comes to it.
struct Sum<S, R> {
    read: R,
    of: S,
}

impl<S, R> Sum<S, R>
where
    R: FnMut(&mut S, &[u8]) -> Result<Option<String>, Failure>,
{
    /// Reads one page and returns the token of the next.
    fn read(&mut self, body: &[u8]) -> Result<Option<String>, Failure> {
        (self.read)(&mut self.of, body)
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

/// Reads one page with all that is in it, hands its items over and returns the token of the next.
pub(super) fn whole<'t, T: Deserialize<'t>>(body: &'t [u8], each: impl FnMut(T)) -> Result<Option<String>, Failure> {
    let mut json = serde_json::Deserializer::from_slice(body);
    let more = Page::of(each).deserialize(&mut json).map_err(unreadable)?;
    json.end().map_err(unreadable)?;
    Ok(more.filter(|token| !token.is_empty()))
}

/// As [`whole`], passing over what isn't looked at.
pub(super) fn skimmed<'t, T: Deserialize<'t>>(body: &'t [u8], each: impl FnMut(T)) -> Result<Option<String>, Failure> {
    let mut json = Skim::new(body);
    let more = Page::of(each).deserialize(&mut json).map_err(unreadable)?;
    json.end().map_err(unreadable)?;
    Ok(more.filter(|token| !token.is_empty()))
}

/// As [`skimmed`], with each item's own text.
pub(super) fn texts(
    body: &[u8],
    mut each: impl FnMut(&[u8]) -> Result<(), serde_json::Error>,
) -> Result<Option<String>, Failure> {
    let mut wrong = None;
    let more = skimmed(body, |Text(item): Text<'_>| {
        if wrong.is_none() {
            wrong = each(item).err();
        }
    })?;
    wrong.map_or(Ok(more), |error| Err(unreadable(error)))
}

/// The token of the next page where it stands before the items, as Kubernetes writes it: found without reading these.
fn token_at_the_top(body: &[u8]) -> Option<String> {
    struct Top<'a>(&'a mut Option<String>);
    impl<'de> Visitor<'de> for Top<'_> {
        type Value = ();

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a Kubernetes list")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
            while let Some(key) = map.next_key::<String>()? {
                match key.as_str() {
                    "metadata" => *self.0 = map.next_value::<Option<Metadata>>()?.unwrap_or_default().more,
                    "items" => return Err(A::Error::custom("the rest isn't looked at")),
                    _ => {
                        map.next_value::<IgnoredAny>()?;
                    }
                }
            }
            Ok(())
        }
    }
    let mut token = None;
    // The end is an error in any case; what isn't JSON is told where the items are read.
    let _ = serde_json::Deserializer::from_slice(body).deserialize_map(Top(&mut token));
    token.filter(|token| !token.is_empty())
}

#[derive(Deserialize, Default)]
struct Metadata {
    #[serde(rename = "continue")]
    more: Option<String>,
}

struct Page<T, F> {
    items: Option<Items<T, F>>,
}

impl<T, F> Page<T, F> {
    fn of(each: F) -> Self {
        let of = PhantomData;
        Self {
            items: Some(Items { each, of }),
        }
    }
}

impl<'de, T, F> DeserializeSeed<'de> for Page<T, F>
where
    T: Deserialize<'de>,
    F: FnMut(T),
{
    type Value = Option<String>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de, T, F> Visitor<'de> for Page<T, F>
where
    T: Deserialize<'de>,
    F: FnMut(T),
{
    type Value = Option<String>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a Kubernetes list")
    }

    fn visit_map<M: MapAccess<'de>>(mut self, mut map: M) -> Result<Self::Value, M::Error> {
        let mut metadata = None;
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "metadata" => metadata = map.next_value::<Option<Metadata>>()?,
                "items" => {
                    let items = self.items.take().ok_or_else(|| M::Error::duplicate_field("items"))?;
                    map.next_value_seed(items)?;
                }
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        if self.items.is_some() {
            // an empty set of results is `items: []` or null; without the field this isn't a list
            return Err(M::Error::missing_field("items"));
        }
        Ok(metadata.unwrap_or_default().more)
    }
}

struct Items<T, F> {
    each: F,
    of: PhantomData<fn(T)>,
}

impl<'de, T, F> DeserializeSeed<'de> for Items<T, F>
where
    T: Deserialize<'de>,
    F: FnMut(T),
{
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de, T, F> Visitor<'de> for Items<T, F>
where
    T: Deserialize<'de>,
    F: FnMut(T),
{
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the items of a Kubernetes list")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut items: A) -> Result<(), A::Error> {
        while let Some(item) = items.next_element::<T>()? {
            (self.each)(item);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::value::RawValue;

    fn read(body: &str) -> Result<(Vec<String>, Option<String>), Failure> {
        let mut kept = Vec::new();
        let more = whole(body.as_bytes(), |item: Box<RawValue>| kept.push(item.get().to_owned()))?;
        Ok((kept, more))
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
    fn the_next_pages_token_is_found_before_the_items_are_read() {
        let found = |body: &str| token_at_the_top(body.as_bytes());
        let list = |metadata: &str| format!(r#"{{"kind":"PodList","metadata":{metadata},"items":[not even JSON"#);
        assert_eq!(
            found(&list(r#"{"resourceVersion":"7","continue":"x=="}"#)).as_deref(),
            Some("x==")
        );
        assert_eq!(found(&list(r#"{"continue":""}"#)), None);
        assert_eq!(found(&list("null")), None);
        assert_eq!(found(r#"{"items":[],"metadata":{"continue":"x"}}"#), None);
        assert_eq!(found("<html>"), None);
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
