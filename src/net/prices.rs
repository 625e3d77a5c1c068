//! Asking Azure's list of retail prices: page after page, with patience for a server that is busy and none for one that isn't it.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures::{StreamExt as _, TryStreamExt as _};
use http::{HeaderMap, Request, StatusCode, Uri, header};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use kube::client::Body;
use kube::{Client, Config};

use crate::error::{Error, ErrorKind, Result};
use crate::model::catalogue::retail::{self, Page, Row};

/// The longest that a server's `Retry-After` is obeyed: a person is waiting.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// How much is quoted of an answer that is none.
const QUOTED: usize = 200;

/// How far the patience goes.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// How many questions are open at a time.
    pub at_once: usize,
    /// How many pages there may be in all.
    pub pages: usize,
    /// How many bytes there may be in all.
    pub bytes: usize,
    /// How long one answer may take.
    pub wait: Duration,
    /// How often a page is asked for.
    pub tries: u32,
    /// The pause before the second try; it doubles with each.
    pub first_pause: Duration,
}

impl Default for Limits {
    /// About ten times what a region takes.
    fn default() -> Self {
        Self {
            at_once: 4,
            pages: 1_000,
            bytes: 128 << 20,
            wait: Duration::from_secs(30),
            tries: 4,
            first_pause: Duration::from_secs(1),
        }
    }
}

/// Where the list is: scheme, host, port and path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address(Uri);

impl Address {
    /// Reads an address.
    ///
    /// # Errors
    /// A clause that says why it is none: no `http://` or `https://`, no host, a password or a question in it.
    pub fn parse(text: &str) -> Result<Address, String> {
        let uri: Uri = text.parse().map_err(|_| format!("`{text}` is no address"))?;
        if !matches!(uri.scheme_str(), Some("https" | "http")) || uri.host().is_none_or(str::is_empty) {
            return Err(format!("`{text}` is no address like {}", retail::ADDRESS));
        }
        if uri
            .authority()
            .is_some_and(|authority| authority.as_str().contains('@'))
        {
            return Err("the address holds a name or a password, and the list asks for none".to_owned());
        }
        if uri.query().is_some() || text.contains('#') {
            return Err(format!(
                "`{text}` must end before the question mark: what is asked comes after it"
            ));
        }
        Ok(Address(uri))
    }

    /// The server alone, which decides about proxies.
    pub fn server(&self) -> &Uri {
        &self.0
    }

    fn at(&self, query: &str) -> String {
        format!("{}?{query}", self.0.path())
    }

    /// Whether an address is of the same server, whether or not it names the scheme's own port.
    fn same_server(&self, other: &Uri) -> bool {
        let place = |uri: &Uri| {
            let port = uri.port_u16().or(match uri.scheme_str() {
                Some("http") => Some(80),
                _ => Some(443),
            });
            (
                uri.scheme_str().map(str::to_owned),
                uri.host().map(str::to_ascii_lowercase),
                port,
            )
        };
        place(&self.0) == place(other) && other.authority().is_some_and(|all| !all.as_str().contains('@'))
    }
}

impl std::fmt::Display for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

/// Asks with each filter for all its pages, through a proxy where there is one, and answers all rows.
///
/// # Errors
/// [`ErrorKind::Unreachable`] where any page can't be had: half of the prices would be worse than none.
pub async fn ask(address: &Address, proxy: Option<Uri>, filters: &[String], limits: Limits) -> Result<Vec<Row>> {
    let client = client(address, proxy).map_err(|why| Why::of(why).error(address))?;
    let asker = Asker {
        client,
        address,
        limits,
        pages: AtomicUsize::new(0),
        bytes: AtomicUsize::new(0),
    };
    let all: std::result::Result<Vec<Vec<Row>>, Why> = futures::stream::iter(filters)
        .map(|filter| asker.all_pages(retail::query(filter)))
        .buffered(limits.at_once.max(1))
        .try_collect()
        .await;
    Ok(all.map_err(|why| why.error(address))?.into_iter().flatten().collect())
}

fn client(address: &Address, proxy: Option<Uri>) -> std::result::Result<Client, String> {
    // An error means that a provider was installed before: that one is ring's as well, there is no other in the tree.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut parts = address.0.clone().into_parts();
    parts.path_and_query = Some(http::uri::PathAndQuery::from_static("/"));
    let server = Uri::from_parts(parts).map_err(|error| error.to_string())?;
    let mut config = Config::new(server);
    config.proxy_url = proxy;
    config.default_retry = false;
    Client::try_from(config).map_err(|error| innermost(&error))
}

/// Why a page can't be had.
#[derive(Debug)]
struct Why {
    /// A clause.
    words: String,
    /// Whether it is worth another try, and when the server would like that.
    again: Option<Option<Duration>>,
}

impl Why {
    fn of(words: impl Into<String>) -> Why {
        Why {
            words: words.into(),
            again: None,
        }
    }

    fn passing(words: impl Into<String>) -> Why {
        Why {
            words: words.into(),
            again: Some(None),
        }
    }

    fn error(self, address: &Address) -> Error {
        Error::new(
            ErrorKind::Unreachable,
            format!("failed to ask {address} for prices: {}", self.words),
        )
        .hint("nothing was changed: without --refresh-prices the prices that are there count")
        .hint("is a proxy needed? set HTTPS_PROXY; does the list answer at all?")
        .hint(format!("$ curl -sS -o /dev/null -w '%{{http_code}}\\n' '{address}'"))
    }

    /// How long to wait before try number `next` (2, 3 …); none where another try is of no use.
    fn pause(&self, next: u32, limits: &Limits) -> Option<Duration> {
        let wished = self.again.filter(|_| next <= limits.tries)?;
        let backoff = limits.first_pause * 2_u32.saturating_pow(next.saturating_sub(2));
        match wished {
            Some(wished) => (wished <= LONGEST_PAUSE).then_some(wished),
            None => Some(backoff.min(LONGEST_PAUSE)),
        }
    }
}

struct Asker<'a> {
    client: Client,
    address: &'a Address,
    limits: Limits,
    pages: AtomicUsize,
    bytes: AtomicUsize,
}

impl Asker<'_> {
    async fn all_pages(&self, query: String) -> std::result::Result<Vec<Row>, Why> {
        let mut rows = Vec::new();
        let mut asked = vec![self.address.at(&query)];
        while let Some(path) = asked.last() {
            if self.pages.fetch_add(1, Ordering::Relaxed) >= self.limits.pages {
                return Err(Why::of(format!("there are more than {} pages", self.limits.pages)));
            }
            let page = self.patiently(path).await?;
            rows.extend(page.items);
            let Some(link) = page.next_page_link.filter(|link| !link.is_empty()) else {
                break;
            };
            let next = self.next(&link)?;
            if asked.contains(&next) {
                return Err(Why::of("its pages go round in a circle"));
            }
            asked.push(next);
        }
        Ok(rows)
    }

    /// The path and the question of a link to the next page, which has to be of the same server.
    fn next(&self, link: &str) -> std::result::Result<String, Why> {
        let quoted = cut(link);
        let uri: Uri = link
            .parse()
            .map_err(|_| Why::of(format!("its next page is at `{quoted}`, which is no address")))?;
        if !self.address.same_server(&uri) {
            return Err(Why::of(format!("its next page is on another server: `{quoted}`")));
        }
        let path = uri.path_and_query().map(ToString::to_string);
        path.ok_or_else(|| Why::of(format!("its next page is at `{quoted}`, which is no address")))
    }

    async fn patiently(&self, path: &str) -> std::result::Result<Page, Why> {
        let mut next = 2;
        loop {
            let wait = self.limits.wait;
            let answer = tokio::time::timeout(wait, self.page(path)).await;
            let why = match answer {
                Ok(Ok(page)) => return Ok(page),
                Ok(Err(why)) => why,
                Err(_) => Why::passing(format!("no answer within {} s", wait.as_secs_f32())),
            };
            let Some(pause) = why.pause(next, &self.limits) else {
                return Err(Why::of(match next - 1 {
                    1 => why.words,
                    tries => format!("{}, {tries} times", why.words),
                }));
            };
            tokio::time::sleep(pause).await;
            next += 1;
        }
    }

    /// One page, asked for once.
    async fn page(&self, path: &str) -> std::result::Result<Page, Why> {
        let request = Request::get(path)
            .header(header::ACCEPT, "application/json")
            .header(header::USER_AGENT, concat!("shardctl/", env!("CARGO_PKG_VERSION")))
            .body(Body::empty())
            .map_err(|error| Why::of(error.to_string()))?;
        let response = self.client.send(request).await;
        let response = response.map_err(|error| Why::passing(innermost(&error)))?;
        let (head, body) = response.into_parts();
        let left = self.limits.bytes.saturating_sub(self.bytes.load(Ordering::Relaxed));
        let body = match Limited::new(body, left).collect().await {
            Ok(whole) => whole.to_bytes(),
            Err(error) if error.is::<LengthLimitError>() => {
                return Err(Why::of(format!("it answers more than {} MiB", self.limits.bytes >> 20)));
            }
            Err(error) => {
                let why = innermost(error.as_ref());
                return Err(Why::passing(format!("the answer was cut off: {why}")));
            }
        };
        self.bytes.fetch_add(body.len(), Ordering::Relaxed);
        if head.status != StatusCode::OK {
            return Err(refused(head.status, &head.headers, &body));
        }
        retail::page(&body).map_err(|why| Why::passing(format!("{why}: `{}`", cut(&String::from_utf8_lossy(&body)))))
    }
}

/// Why an answer that isn't 200 is none.
fn refused(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Why {
    let said = String::from_utf8_lossy(body);
    let said = cut(said.trim());
    let words = match said {
        "" => format!("it answered {status}"),
        said => format!("it answered {status}: {said}"),
    };
    let after = headers.get(header::RETRY_AFTER);
    let seconds = after.and_then(|value| value.to_str().ok()?.trim().parse().ok());
    let again = status == StatusCode::TOO_MANY_REQUESTS || status.is_server_error();
    Why {
        words,
        again: again.then(|| seconds.map(Duration::from_secs)),
    }
}

fn cut(text: &str) -> &str {
    let end = text.char_indices().nth(QUOTED).map_or(text.len(), |(at, _)| at);
    &text[..end]
}

/// The last error of a chain: the one with the system's words.
fn innermost(error: &(dyn std::error::Error + 'static)) -> String {
    let mut link = error;
    while let Some(source) = link.source() {
        link = source;
    }
    link.to_string()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::cluster::test_server::{Reply, Server};
    use crate::exit_code::ExitCode;

    fn limits() -> Limits {
        Limits {
            at_once: 1,
            tries: 3,
            first_pause: Duration::from_millis(1),
            ..Limits::default()
        }
    }

    fn row(size: &str) -> Value {
        json!({
            "currencyCode": "USD", "tierMinimumUnits": 0.0, "retailPrice": 0.9, "armRegionName": "eastus",
            "effectiveStartDate": "2022-01-01T00:00:00Z", "meterId": "m", "meterName": "E16as v5",
            "productName": "Virtual Machines Easv5 Series", "skuName": "E16as v5", "serviceName": "Virtual Machines",
            "unitOfMeasure": "1 Hour", "type": "Consumption", "armSkuName": size,
        })
    }

    fn page(size: &str, next: Option<&str>) -> Reply {
        let body = json!({"Items": [row(size)], "NextPageLink": next, "Count": 1});
        Reply::json(200, &body.to_string())
    }

    async fn asked(server: &Server, filters: &[&str], limits: Limits) -> Result<Vec<String>> {
        let address = Address::parse(&format!("http://127.0.0.1:{}/api/retail/prices", server.port)).unwrap();
        let filters: Vec<String> = filters.iter().map(|filter| (*filter).to_owned()).collect();
        let rows = ask(&address, None, &filters, limits).await?;
        Ok(rows.into_iter().filter_map(|row| row.arm_sku_name).collect())
    }

    async fn failing(replies: impl IntoIterator<Item = Reply>, limits: Limits) -> (String, usize) {
        let server = Server::plain(replies);
        let error = asked(&server, &["f"], limits).await.unwrap_err();
        assert_eq!(error.exit_code(), ExitCode::Unknown);
        let message = error.message().replace(&server.port.to_string(), "PORT");
        let words = message.strip_prefix("failed to ask http://127.0.0.1:PORT/api/retail/prices for prices: ");
        (words.unwrap().to_owned(), server.requests().len())
    }

    #[tokio::test]
    async fn every_filter_is_asked_for_all_its_pages() {
        let server = Server::naming_itself(|port| {
            let link =
                |skip: u32| format!("http://127.0.0.1:{port}/api/retail/prices?$filter=as%20before&$skip={skip}");
            vec![
                page("a", Some(&link(100))),
                page("b", Some(&link(200))),
                page("c", Some("")),
                page("d", None),
            ]
        });
        let names = asked(&server, &["x eq 'y z'", "second"], limits()).await.unwrap();
        assert_eq!(names, ["a", "b", "c", "d"]);
        let requests = server.requests();
        let lines: Vec<&str> = requests.iter().filter_map(|request| request.lines().next()).collect();
        let first = "GET /api/retail/prices?api-version=2023-01-01-preview&";
        assert!(lines[0].starts_with(first), "{lines:?}");
        assert!(
            lines[0].ends_with("&$filter=x%20eq%20%27y%20z%27 HTTP/1.1"),
            "{lines:?}"
        );
        assert_eq!(
            lines[2],
            "GET /api/retail/prices?$filter=as%20before&$skip=200 HTTP/1.1"
        );
        assert!(
            lines[3].starts_with(first) && lines[3].ends_with("&$filter=second HTTP/1.1"),
            "{lines:?}"
        );
    }

    #[tokio::test]
    async fn a_busy_server_and_a_cut_answer_are_asked_again() {
        let whole = json!({"Items": [row("a")], "NextPageLink": null}).to_string();
        let half = &whole[..whole.len() / 2];
        let troubles = [
            Reply::full(429, "retry-after: 0\r\n", "slow down"),
            Reply::json(503, "{}"),
            Reply::HangUp(String::new()),
            // Fewer bytes than were promised, and JSON that ends in the middle though all bytes came.
            Reply::HangUp(format!(
                "HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{half}",
                whole.len()
            )),
            Reply::json(200, half),
        ];
        for trouble in troubles {
            let server = Server::plain([trouble.clone(), page("a", None)]);
            let names = asked(&server, &["f"], limits()).await;
            assert_eq!(names.unwrap(), ["a"], "{trouble:?}");
            assert_eq!(server.requests().len(), 2, "{trouble:?}");
        }
    }

    #[tokio::test]
    async fn a_page_that_cant_be_had_ends_it_with_the_reason() {
        let busy = || Reply::full(429, "retry-after: 0\r\n", "slow down");
        let told = failing([busy(), busy(), busy(), page("a", None)], limits()).await;
        assert_eq!(
            told,
            ("it answered 429 Too Many Requests: slow down, 3 times".to_owned(), 3)
        );
        let told = failing([Reply::json(400, "Invalid OData"), page("a", None)], limits()).await;
        assert_eq!(told, ("it answered 400 Bad Request: Invalid OData".to_owned(), 1));
        let moved = Reply::full(302, "location: http://127.0.0.1:1/\r\n", "");
        let told = failing([moved, page("a", None)], limits()).await;
        assert_eq!(told, ("it answered 302 Found".to_owned(), 1));
        let (words, tries) = failing([(); 3].map(|()| Reply::json(200, "<html>")), limits()).await;
        assert_eq!((words.as_str(), tries), ("it isn't JSON: `<html>`, 3 times", 3));
    }

    #[tokio::test]
    async fn a_server_that_never_answers_is_given_up() {
        let limits = Limits {
            wait: Duration::from_millis(50),
            tries: 2,
            ..limits()
        };
        let (words, tries) = failing([Reply::Silence, Reply::Silence], limits).await;
        assert_eq!((words.as_str(), tries), ("no answer within 0.05 s, 2 times", 2));
    }

    #[tokio::test]
    async fn a_link_to_another_server_is_not_followed() {
        let foreign = Server::plain([page("b", None)]);
        let links = [
            (
                format!("http://127.0.0.1:{}/api/retail/prices", foreign.port),
                "its next page is on another server: ",
            ),
            ("https://127.0.0.1/x".to_owned(), "its next page is on another server: "),
            (
                "//127.0.0.1/x y".to_owned(),
                "its next page is at `//127.0.0.1/x y`, which is no address",
            ),
        ];
        for (link, expected) in links {
            let (words, tries) = failing([page("a", Some(&link)), page("c", None)], limits()).await;
            assert!(words.starts_with(expected), "{words}");
            assert_eq!(tries, 1);
        }
        assert_eq!(foreign.connections(), 0);
    }

    #[tokio::test]
    async fn endless_pages_and_huge_ones_are_given_up() {
        let pages = Limits { pages: 3, ..limits() };
        let server = Server::naming_itself(|port| {
            (1..10)
                .map(|skip| page("a", Some(&format!("http://127.0.0.1:{port}/p?$skip={skip}"))))
                .collect()
        });
        let error = asked(&server, &["f"], pages).await.unwrap_err();
        assert!(error.message().ends_with("there are more than 3 pages"), "{error}");
        assert_eq!(server.requests().len(), 3);
        let circle = Server::naming_itself(|port| {
            let link = format!("http://127.0.0.1:{port}/p?$skip=1");
            vec![page("a", Some(&link)), page("a", Some(&link)), page("a", None)]
        });
        let error = asked(&circle, &["f"], limits()).await.unwrap_err();
        assert!(error.message().ends_with("its pages go round in a circle"), "{error}");
        let bytes = Limits {
            bytes: 1 << 20,
            ..limits()
        };
        let (words, tries) = failing([Reply::json(200, &" ".repeat((1 << 20) + 1))], bytes).await;
        assert_eq!((words.as_str(), tries), ("it answers more than 1 MiB", 1));
    }

    #[test]
    fn the_servers_wish_to_wait_is_obeyed_up_to_a_minute() {
        let busy = |after: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::RETRY_AFTER, after.parse().unwrap());
            refused(StatusCode::TOO_MANY_REQUESTS, &headers, b"")
        };
        let limits = Limits::default();
        assert_eq!(busy("7").pause(2, &limits), Some(Duration::from_secs(7)));
        assert_eq!(busy("3600").pause(2, &limits), None);
        // A date is no number of seconds: the own pauses count, which double.
        assert_eq!(busy("Sat, 21 Nov").pause(4, &limits), Some(Duration::from_secs(4)));
        assert_eq!(busy("7").pause(6, &limits), None);
        let wrong = refused(StatusCode::NOT_FOUND, &HeaderMap::new(), b"");
        assert_eq!(wrong.pause(2, &limits), None);
    }

    #[test]
    fn an_address_is_a_server_and_a_path() {
        let azure = Address::parse(retail::ADDRESS).unwrap();
        let same = |link: &str| azure.same_server(&link.parse().unwrap());
        assert!(same("https://prices.azure.com:443/api/retail/prices?$skip=100"));
        assert!(same("https://PRICES.azure.com/x"));
        for other in [
            "http://prices.azure.com/x",
            "https://prices.azure.com:8443/x",
            "https://prices.azure.com.evil.example/x",
            "https://user@prices.azure.com/x",
            "/api/retail/prices?$skip=100",
        ] {
            assert!(!same(other), "{other}");
        }
        for wrong in [
            "prices.azure.com",
            "ftp://a/b",
            "https:///x",
            "https://a:b@c/d",
            "https://a/b?c",
            "https://a/b#c",
        ] {
            assert!(Address::parse(wrong).is_err(), "{wrong}");
        }
    }
}
