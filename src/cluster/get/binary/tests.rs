//! Bytes that were written by hand, cut anywhere, or are none at all.

use super::*;
use crate::cluster::get::Intake as _;
use crate::cluster::get::stream::Stream;
use crate::cluster::get::tests::{MINUTE, api};
use crate::cluster::test_server::{Reply, Server};

/// A field of text or of a message.
fn bytes(field: u8, bytes: &[u8]) -> Vec<u8> {
    let length = u8::try_from(bytes.len()).expect("short");
    assert!(length < 0x80, "one byte tells the length");
    [&[field << 3 | 2, length], bytes].concat()
}

fn framed(object: &[u8]) -> Vec<u8> {
    let kind = bytes(2, b"PodList");
    [&MAGIC, bytes(1, &kind).as_slice(), &bytes(2, object)].concat()
}

#[derive(Debug, PartialEq, serde::Deserialize)]
struct Name(String);

impl Unpack for Name {
    fn unpack(mut message: Message<'_>) -> Result<Self, Malformed> {
        let mut name = String::new();
        while let Some((number, field)) = message.next()? {
            if number == 1 {
                name = field.text()?.to_owned();
            }
        }
        Ok(Name(name))
    }
}

fn list() -> Vec<u8> {
    let meta = [bytes(2, b"7"), bytes(3, b"x==")].concat();
    let fixed = [2 << 3 | 1, 1, 2, 3, 4, 5, 6, 7, 8, 3 << 3 | 5, 1, 2, 3, 4];
    let number = [4 << 3, 0x80, 0x01];
    let item = [&fixed[..], &number, &bytes(1, b"shard-0")].concat();
    [bytes(1, &meta), bytes(2, &item), bytes(2, &bytes(1, b"shard-1"))].concat()
}

/// An answer that comes in pieces of so many bytes.
fn page(answer: &[u8], size: usize) -> Stream<Name> {
    let mut page = Stream::default();
    page.begin(0);
    for piece in answer.chunks(size) {
        page.piece(piece);
    }
    page
}

fn read_in_pieces(answer: &[u8], size: usize) -> Result<(Vec<Name>, Option<String>), Malformed> {
    let mut page = page(answer, size);
    assert_eq!(page.other(), None, "it is of this form");
    let mut names = Vec::new();
    let more = page.hand_over(|name| names.push(name))?;
    Ok((names, more))
}

fn read(answer: &[u8]) -> Result<(Vec<Name>, Option<String>), Malformed> {
    read_in_pieces(answer, answer.len())
}

fn shards() -> Vec<Name> {
    Vec::from(["shard-0", "shard-1"].map(|name| Name(name.to_owned())))
}

#[test]
fn items_and_the_next_pages_token_are_read_and_the_rest_passed_over() {
    let answer = framed(&list());
    assert_eq!(read(&answer), Ok((shards(), Some("x==".to_owned()))));
}

#[test]
fn wherever_the_network_cuts_a_page_it_reads_the_same() {
    let long = bytes(1, "x".repeat(100).as_bytes());
    let list = [list(), bytes(2, &long), list()].concat();
    let (head, left) = (
        [2 << 3 | 2, 0x80 | (list.len() & 0x7f) as u8, (list.len() >> 7) as u8],
        list,
    );
    let answer = [
        &MAGIC,
        bytes(1, &bytes(2, b"PodList")).as_slice(),
        &head,
        &left,
        &bytes(3, b"after"),
    ]
    .concat();
    let whole = read(&answer).expect("a list");
    assert_eq!(whole.0.len(), 5);
    for size in 1..answer.len() {
        assert_eq!(
            read_in_pieces(&answer, size).as_ref(),
            Ok(&whole),
            "pieces of {size} bytes"
        );
    }
}

#[test]
fn what_came_in_of_a_page_that_is_asked_for_again_is_void() {
    let answer = framed(&list());
    let mut page = page(&answer[..answer.len() - 1], 7);
    page.begin(0);
    page.piece(&framed(&[2 << 3, 1]));
    page.begin(0);
    page.piece(&answer);
    let mut names = Vec::new();
    assert_eq!(page.hand_over(|name| names.push(name)), Ok(Some("x==".to_owned())));
    assert_eq!(names, shards());
}

#[test]
fn an_answer_in_another_form_is_held_as_it_is() {
    for other in ["", "{}", r#"{"kind":"PodList"}"#, "<html>", "k8s"] {
        assert_eq!(page(other.as_bytes(), 3).other(), Some(other.as_bytes()));
    }
}

#[test]
fn an_empty_token_is_none_and_an_empty_list_has_no_items() {
    let answer = framed(&bytes(1, &bytes(3, b"")));
    assert_eq!(read(&answer), Ok((Vec::new(), None)));
    assert_eq!(read(&framed(&[])), Ok((Vec::new(), None)));
}

#[test]
fn what_is_cut_off_is_never_taken_for_a_list_with_fewer_items() {
    let answer = framed(&list());
    for length in MAGIC.len()..answer.len() {
        assert!(read(&answer[..length]).is_err(), "{length} of {} bytes", answer.len());
    }
}

#[test]
fn bytes_that_are_something_else_are_an_error() {
    for (what, wrong) in [
        ("no UTF-8", bytes(2, &bytes(1, &[0xff]))),
        ("a number instead of an item", vec![2 << 3, 1]),
        ("a group", vec![2 << 3 | 3]),
        ("a number without an end", [vec![5 << 3], vec![0xff; 11]].concat()),
        (
            "a length beyond all memory",
            [vec![2 << 3 | 2], vec![0xff; 9], vec![1]].concat(),
        ),
        ("an item that is longer than the list", vec![2 << 3 | 2, 100, 1]),
    ] {
        assert!(read(&framed(&wrong)).is_err(), "{what}");
    }
}

#[test]
fn an_error_says_in_json_what_it_said() {
    let cause = [bytes(1, b"FieldManagerConflict"), bytes(2, b"why"), bytes(3, b".spec")].concat();
    let details = [
        bytes(1, b"shard-0"),
        bytes(3, b"pods"),
        bytes(4, &cause),
        vec![5 << 3, 3],
    ]
    .concat();
    let status = [
        bytes(2, b"Failure"),
        bytes(3, b"no"),
        bytes(4, b"Forbidden"),
        bytes(5, &details),
        vec![6 << 3, 0x93, 0x03],
    ]
    .concat();
    let json: Value = serde_json::from_slice(&status_as_json(&framed(&status)).expect("a status")).expect("JSON");
    assert_eq!(
        json,
        json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "message": "no", "reason": "Forbidden", "code": 403,
            "details": {"name": "shard-0", "kind": "pods", "retryAfterSeconds": 3,
                "causes": [{"reason": "FieldManagerConflict", "message": "why", "field": ".spec"}]}})
    );
    assert_eq!(status_as_json(b"{}"), None);
}

/// A page with one shard, and the token of the next one; how much of it comes.
fn sent(shard: &str, more: &str, cut: usize) -> Reply {
    let meta = bytes(1, &bytes(3, more.as_bytes()));
    let page = framed(&[meta, bytes(2, &bytes(1, shard.as_bytes()))].concat());
    let length = page.len();
    let comes = String::from_utf8(page[..length - cut].to_vec()).expect("small numbers");
    Reply::Send(format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/vnd.kubernetes.protobuf\r\ncontent-length: {length}\r\n\r\n{comes}"
    ))
}

fn add(names: &mut Vec<String>, Name(name): Name) {
    names.push(name);
}

#[tokio::test]
async fn pages_come_in_their_order_and_one_that_is_read_again_counts_once() {
    let server = Server::plain([
        sent("shard-0", "one", 0),
        sent("shard-1", "two", 0),
        Reply::HangUp(String::new()),
        sent("shard-2", "", 0),
    ]);
    let api = api(&server, MINUTE);
    let names: Vec<String> = api.fold_packed("/pods", "", add).await.expect("a list");
    assert_eq!(names, ["shard-0", "shard-1", "shard-2"]);
}

#[tokio::test]
async fn the_next_page_is_asked_for_while_the_one_that_names_it_still_comes_in() {
    let server = Server::plain([sent("shard-0", "one", 2), sent("shard-1", "", 0)]);
    let api = api(&server, MINUTE);
    // The first page never comes to its end.
    let asking = tokio::spawn(async move { api.fold_packed("/pods", "", add).await });
    let both = async {
        while server.requests().len() < 2 {
            tokio::task::yield_now().await;
        }
    };
    let waited = tokio::time::timeout(MINUTE, both).await;
    waited.expect("the next page is asked for");
    asking.abort();
    let requests = server.requests();
    let asked: Vec<bool> = requests
        .iter()
        .map(|request| request.contains("continue=one"))
        .collect();
    assert_eq!(asked, [false, true]);
}

#[tokio::test]
async fn a_token_that_has_expired_starts_the_list_again_whole() {
    let expired = r#"{"kind":"Status","code":410,"reason":"Expired","message":"too old"}"#;
    let server = Server::plain([
        sent("shard-0", "one", 0),
        Reply::json(410, expired),
        sent("shard-8", "", 0),
    ]);
    let api = api(&server, MINUTE);
    let names: Vec<String> = api.fold_packed("/pods", "", add).await.expect("a list");
    assert_eq!(names, ["shard-8"]);
    assert!(
        server
            .requests()
            .last()
            .is_some_and(|request| !request.contains("limit"))
    );
}
