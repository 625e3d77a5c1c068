//! Bytes that were written by hand, cut anywhere, or are none at all.

use super::*;

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

#[derive(Debug, PartialEq)]
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

fn read(answer: &[u8]) -> Result<(Vec<Name>, Option<String>), Malformed> {
    let mut names = Vec::new();
    let list = object(answer).expect("the frame")?;
    let more = page(list, |name| names.push(name))?;
    Ok((names, more))
}

#[test]
fn items_and_the_next_pages_token_are_read_and_the_rest_passed_over() {
    let answer = framed(&list());
    let names = Vec::from(["shard-0", "shard-1"].map(|name| Name(name.to_owned())));
    assert_eq!(read(&answer), Ok((names, Some("x==".to_owned()))));
    let at_the_top = object(&answer).expect("the frame").expect("an object");
    assert_eq!(token_at_the_top(at_the_top).as_deref(), Some("x=="));
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
    assert!(object(b"{\"kind\":\"PodList\"}").is_none());
    assert!(object(b"<html>").is_none());
    for (what, wrong) in [
        ("no UTF-8", bytes(2, &bytes(1, &[0xff]))),
        ("a number instead of an item", vec![2 << 3, 1]),
        ("a group", vec![2 << 3 | 3]),
        ("a number without an end", [vec![5 << 3], vec![0xff; 11]].concat()),
        (
            "a length beyond all memory",
            [vec![2 << 3 | 2], vec![0xff; 9], vec![1]].concat(),
        ),
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
