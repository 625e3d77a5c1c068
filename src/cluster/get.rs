//! Reading from the API server: the one way that the rest of shardctl uses.
//!
//! Works below `kube::Api`, on paths and JSON text: a snapshot keeps objects as the server gave them, and the `Date`
//! header is the server's clock. Reads are retried by `retry`'s rules, within the request timeout; whatever has a body
//! never is.

mod again;
pub(in crate::cluster) mod binary;
mod pages;
mod skim;
mod stream;
mod told;

use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, Method, Request, StatusCode, header};
use http_body_util::BodyExt as _;
use jiff::Timestamp;
use kube::client::Body;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use tokio::time::Instant;

use self::binary::Unpack;
use self::stream::Stream;
pub use self::told::Told;
use crate::cluster::endpoint::Endpoint;
use crate::cluster::failure::{Failure, Missing};
use crate::cluster::retry;
use crate::cluster::server_time::ServerTime;

/// How much memory is taken for a body before any of it has come, whatever the server says.
const MOST_AT_ONCE: usize = 4 << 20;

/// How many whole objects are asked for at once where the server is in this process.
pub(in crate::cluster) const SMALL_PAGE: u32 = 100;

/// The form of all but large lists.
const JSON: &str = "application/json";

/// A JSON answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The JSON text.
    pub body: String,
    /// The server's clock when it answered (its `Date` header, whole seconds).
    pub date: Option<Timestamp>,
}

impl Answer {
    /// The body as `T`.
    ///
    /// # Errors
    /// [`Failure::NotKubernetes`] when the JSON isn't a `T`.
    pub fn parse<T: DeserializeOwned>(&self) -> Result<T, Failure> {
        serde_json::from_str(&self.body).map_err(unreadable)
    }
}

/// JSON that isn't what the path promises.
fn unreadable(error: serde_json::Error) -> Failure {
    Failure::NotKubernetes {
        what: format!("JSON that can't be read as what was asked for: {error}"),
    }
}

/// Reads (and posts reviews) over one client. A cheap clone.
#[derive(Clone)]
pub struct Api {
    client: kube::Client,
    endpoint: Arc<Endpoint>,
    timeout: Option<Duration>,
    server_time: ServerTime,
    /// Whether a page is read on a thread of its own while the next one is on its way.
    beside: bool,
    /// How many whole objects are asked for at once.
    page: u32,
}

/// What takes in a body, piece by piece, as it comes.
trait Intake: Send {
    /// A body begins, of so many bytes as far as the server says so. What was taken in before is void: it was of another one, or of a
    /// read that is tried again.
    fn begin(&mut self, length: usize);

    /// More of it.
    fn piece(&mut self, piece: &[u8]);
}

impl Intake for Vec<u8> {
    fn begin(&mut self, length: usize) {
        self.clear();
        self.reserve_exact(length.min(MOST_AT_ONCE));
    }

    fn piece(&mut self, piece: &[u8]) {
        self.extend_from_slice(piece);
    }
}

/// What came before a body that was taken in whole.
struct Head {
    code: StatusCode,
    headers: HeaderMap,
}

impl Api {
    /// Reads over `client`. `timeout` bounds a whole read with its retries; zero means none, as in kubectl.
    pub fn new(client: kube::Client, endpoint: Arc<Endpoint>, timeout: Duration) -> Self {
        Self {
            client,
            endpoint,
            timeout: (!timeout.is_zero()).then_some(timeout),
            server_time: ServerTime::default(),
            beside: true,
            page: pages::PAGE,
        }
    }

    /// The same, for a server in this very process: a page is as much memory there again, and is there at once, so that pages are small
    /// and read on the thread that asks. What several threads put into memory is given back to each of them apart.
    #[must_use]
    pub fn within_this_process(self) -> Self {
        let (beside, page) = (false, SMALL_PAGE);
        Self { beside, page, ..self }
    }

    /// The same server, user and timeout, over another client.
    #[must_use]
    pub fn over(&self, client: kube::Client) -> Self {
        Self { client, ..self.clone() }
    }

    /// The server and the user, for error messages.
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// The server's clock, which every answer teaches.
    pub fn server_time(&self) -> &ServerTime {
        &self.server_time
    }

    /// GETs one JSON document.
    ///
    /// # Errors
    /// Every [`Failure`]; an answer that isn't JSON is [`Failure::NotKubernetes`].
    pub async fn get(&self, path_and_query: &str) -> Result<Answer, Failure> {
        self.get_as(path_and_query, JSON).await
    }

    /// As [`get`](Self::get), in another form of JSON.
    pub(in crate::cluster) async fn get_as(
        &self,
        path_and_query: &str,
        accept: &'static str,
    ) -> Result<Answer, Failure> {
        let mut body = Vec::new();
        let head = self.read(path_and_query, accept, &mut body).await?;
        head.json(body)
    }

    /// As [`get`](Self::get), into memory that an earlier answer took: of a hundred pages none needs memory of its own. Whether the
    /// bytes are UTF-8 is for who reads them.
    async fn get_into(
        &self,
        path_and_query: &str,
        accept: &'static str,
        mut used: Vec<u8>,
    ) -> Result<Vec<u8>, Failure> {
        let head = self.read(path_and_query, accept, &mut used).await?;
        head.expect_json(&used)?;
        Ok(used)
    }

    /// As [`get`](Self::get), of a page that is read while it comes in.
    async fn get_page<T: Unpack + Send>(&self, path_and_query: &str, page: &mut Stream<T>) -> Result<(), Failure> {
        let head = self.read(path_and_query, binary::ACCEPTED, page).await?;
        page.other().map_or(Ok(()), |body| head.expect_json(body))
    }

    /// GETs text (logs, `/readyz`).
    ///
    /// # Errors
    /// Every [`Failure`]; a web page is [`Failure::NotKubernetes`]. Bytes that are no UTF-8 become U+FFFD.
    pub async fn text(&self, path_and_query: &str) -> Result<String, Failure> {
        let mut body = Vec::new();
        let head = self.read(path_and_query, "*/*", &mut body).await?;
        let is_page = head
            .headers
            .get(header::CONTENT_TYPE)
            .and_then(|value| value.to_str().ok())
            .is_some_and(|value| value.contains("html"));
        if is_page {
            return Err(Failure::from_odd_body(head.code, &head.headers, &body));
        }
        Ok(match String::from_utf8(body) {
            Ok(text) => text,
            Err(error) => String::from_utf8_lossy(error.as_bytes()).into_owned(),
        })
    }

    /// Lists `path` in pages of 500; `query` is without `?`, `limit` and `continue`. Each item goes through `keep` as it
    /// is parsed, so what is dropped or reduced is never held beyond its page. Items come without apiVersion and kind,
    /// as Kubernetes lists them.
    ///
    /// When a continue token has expired (410), the list is read once more, whole: `keep` then sees the items again.
    ///
    /// # Errors
    /// Every [`Failure`]; nothing of an incomplete list is returned.
    pub async fn list(
        &self,
        path: &str,
        query: &str,
        mut keep: impl FnMut(Box<RawValue>) -> Option<Box<RawValue>> + Send + 'static,
    ) -> Result<Vec<Box<RawValue>>, Failure> {
        let read = move |kept: &mut Vec<_>, page: &[u8]| pages::whole(page, |item| kept.extend(keep(item)));
        pages::fold(self, path, query, JSON, read).await
    }

    /// As [`list`](Self::list), with the items read as `T` and each added to a sum: for lists of which the whole is of no
    /// interest. What `T` doesn't look at is passed over. After an expired token the sum begins anew.
    ///
    /// # Errors
    /// As [`list`](Self::list); an item that is no `T` is [`Failure::NotKubernetes`].
    pub async fn fold<S, T>(
        &self,
        path: &str,
        query: &str,
        mut add: impl FnMut(&mut S, T) + Send + 'static,
    ) -> Result<S, Failure>
    where
        S: Default + Send + 'static,
        T: DeserializeOwned,
    {
        let read = move |sum: &mut S, page: &[u8]| pages::skimmed(page, |item| add(sum, item));
        pages::fold(self, path, query, JSON, read).await
    }

    /// As [`fold`](Self::fold), asked for as protocol buffers, in which passing over a field costs nothing, and read as JSON where the
    /// server has no others. An item is read where the network left it, and what is added is of whole pages alone.
    ///
    /// # Errors
    /// As [`fold`](Self::fold).
    pub(in crate::cluster) async fn fold_packed<S, T>(
        &self,
        path: &str,
        query: &str,
        add: impl FnMut(&mut S, T) + Send,
    ) -> Result<S, Failure>
    where
        S: Default + Send,
        T: DeserializeOwned + Unpack + Send,
    {
        pages::fold_streamed(self, path, query, add).await
    }

    /// POSTs `body` and returns the answer. Never retried.
    ///
    /// # Errors
    /// Every [`Failure`].
    pub async fn post(&self, path: &str, body: &impl Serialize) -> Result<Answer, Failure> {
        self.send_with(Method::POST, path, "application/json", body).await
    }

    /// Sends `body` and returns the answer, within the timeout. Never retried.
    pub(in crate::cluster) async fn send_with(
        &self,
        method: Method,
        path: &str,
        content_type: &'static str,
        body: &impl Serialize,
    ) -> Result<Answer, Failure> {
        let body = serde_json::to_vec(body)
            .map_err(|error| Failure::Config(format!("a request can't be written: {error}")))?;
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::ACCEPT, "application/json")
            .header(header::CONTENT_TYPE, content_type)
            .body(Body::from(body))
            .map_err(|error| not_a_path(path, &error))?;
        let deadline = self.timeout.map(|timeout| Instant::now() + timeout);
        let mut answer = Vec::new();
        let head = self.within(deadline, self.send(request, path, &mut answer)).await?;
        head.json(answer)
    }

    /// `failure`, or the failure that explains it better: when an object isn't found because its namespace isn't there.
    /// Asks for the namespace; without the right to read it, `failure` stays as it is.
    pub async fn explain_not_found(&self, failure: Failure, namespace: &str) -> Failure {
        let Failure::NotFound {
            what: Missing::Object { .. },
            ..
        } = &failure
        else {
            return failure;
        };
        match self.get(&format!("/api/v1/namespaces/{namespace}")).await {
            Err(
                absent @ Failure::NotFound {
                    what: Missing::Namespace(_),
                    ..
                },
            ) => absent,
            _ => failure,
        }
    }

    /// GETs with retries, all of it within the timeout. The body goes `into` what takes it in.
    async fn read(&self, path_and_query: &str, accept: &'static str, into: &mut dyn Intake) -> Result<Head, Failure> {
        let deadline = self.timeout.map(|timeout| Instant::now() + timeout);
        let mut next = 2;
        loop {
            let request = Request::get(path_and_query)
                .header(header::ACCEPT, accept)
                .body(Body::empty())
                .map_err(|error| not_a_path(path_and_query, &error))?;
            let sent = self.send(request, path_and_query, into);
            let failure = match self.within(deadline, sent).await {
                Ok(head) => return Ok(head),
                Err(failure) => failure,
            };
            let Some(pause) = retry::pause_before(next, &failure) else {
                return Err(failure);
            };
            if deadline.is_some_and(|deadline| Instant::now() + pause >= deadline) {
                return Err(failure);
            }
            tokio::time::sleep(pause).await;
            next += 1;
        }
    }

    async fn within<T>(
        &self,
        deadline: Option<Instant>,
        work: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, Failure> {
        match deadline {
            None => work.await,
            Some(deadline) => tokio::time::timeout_at(deadline, work)
                .await
                .unwrap_or(Err(Failure::TimedOut { after: self.timeout })),
        }
    }

    /// One request, one complete answer, whose body goes `into` what takes it in.
    async fn send(&self, request: Request<Body>, path: &str, into: &mut dyn Intake) -> Result<Head, Failure> {
        let response = self.client.send(request).await?;
        let (parts, mut body) = response.into_parts();
        if let Some(date) = date(&parts.headers) {
            self.server_time.learn(date);
        }
        let mut refusal = Vec::new();
        let is_refused = !parts.status.is_success();
        let into: &mut dyn Intake = if is_refused { &mut refusal } else { into };
        // Taken in by hand: `collect_bytes` holds a large page twice while it joins its pieces.
        into.begin(length(&parts.headers));
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|error| match Failure::from(error) {
                // half an answer is a cut connection, whatever the transport calls it
                failure @ (Failure::CutOff { .. } | Failure::TimedOut { .. }) => failure,
                failure => Failure::CutOff { why: failure.reason() },
            })?;
            if let Ok(piece) = frame.into_data() {
                into.piece(&piece);
            }
        }
        if is_refused {
            let bytes = binary::status_as_json(&refusal).unwrap_or(refusal);
            return Err(Failure::from_answer(parts.status, &parts.headers, &bytes, path));
        }
        Ok(Head {
            code: parts.status,
            headers: parts.headers,
        })
    }
}

/// How many bytes of a body the server announces.
fn length(headers: &HeaderMap) -> usize {
    let said = headers
        .get(header::CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok());
    said.and_then(|length| length.parse().ok()).unwrap_or(0)
}

fn not_a_path(path: &str, error: &http::Error) -> Failure {
    Failure::Config(format!("{path:?} is no request path: {error}"))
}

impl Head {
    /// The answer, if its body is JSON text.
    fn json(self, body: Vec<u8>) -> Result<Answer, Failure> {
        self.expect_json(&body)?;
        let body = String::from_utf8(body).map_err(|_| Failure::NotKubernetes {
            what: "JSON that is no UTF-8".to_owned(),
        })?;
        let date = date(&self.headers);
        Ok(Answer { body, date })
    }

    /// Refuses a body that doesn't begin as JSON does.
    fn expect_json(&self, body: &[u8]) -> Result<(), Failure> {
        let starts_json = body.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'{');
        if !starts_json {
            return Err(Failure::from_odd_body(self.code, &self.headers, body));
        }
        Ok(())
    }
}

/// The `Date` header (RFC 9110's IMF-fixdate, which RFC 2822 parsers read).
fn date(headers: &HeaderMap) -> Option<Timestamp> {
    let value = headers.get(header::DATE)?.to_str().ok()?;
    jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(value).ok()
}

#[cfg(test)]
pub(in crate::cluster) mod tests;
