//! That what is passed over ends where it ends, and that what is looked at is read as serde_json reads it, hostile texts among it.

use serde::Deserialize;
use serde_json::{Value, json};

use super::*;

/// Everything looked at.
fn seen<'t, T: Deserialize<'t>>(text: &'t str) -> Result<T, Error> {
    let mut json = Skim::new(text.as_bytes());
    let value = T::deserialize(&mut json)?;
    json.end()?;
    Ok(value)
}

/// Looks at one field beside what is passed over.
#[derive(Debug, Deserialize, PartialEq)]
struct Last {
    last: Option<u8>,
}

fn passed(text: &str) -> Result<Last, Error> {
    seen(&format!(r#"{{"passed": {text} , "last":7}}"#))
}

/// Texts with everything that JSON has, some of them longer than a block, at every place within one.
fn texts() -> Vec<String> {
    let values = [
        json!(null),
        json!([true, false, -1.5e3, 0]),
        json!("a\"b\\c\nä𝄞\u{1}"),
        json!({"brackets": "}]{[", "escaped": "\\\"}", "deep": [[[{"a": {"b": []}}]]], "": {}}),
        json!({"long": "x".repeat(200), "list": vec![json!({"f:name": {}, ".": {}}); 40]}),
        json!(["\\".repeat(130), "\"".repeat(130), "}".repeat(130)]),
    ];
    let mut texts = Vec::new();
    for value in &values {
        for before in 0..=70 {
            texts.push(format!(
                "{}[{value}, {}]",
                " ".repeat(before % 3),
                json!("-".repeat(before))
            ));
        }
        texts.push(serde_json::to_string_pretty(value).unwrap());
    }
    texts
}

#[test]
fn what_is_looked_at_is_read_as_serde_json_reads_it() {
    for text in texts() {
        let expected: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(seen::<Value>(&text).unwrap(), expected, "{text}");
    }
}

#[test]
fn what_is_passed_over_ends_where_it_ends() {
    for text in texts() {
        assert_eq!(passed(&text).unwrap(), Last { last: Some(7) }, "{text}");
        assert_eq!(
            seen::<Vec<IgnoredAny>>(&format!("[{text},{text}]")).unwrap().len(),
            2,
            "{text}"
        );
    }
}

#[test]
fn whatever_is_cut_off_is_refused() {
    for text in texts().into_iter().step_by(23) {
        let whole = format!(r#"{{"passed": {text}}}"#);
        for (end, _) in whole.char_indices() {
            let part = &whole[..end];
            assert!(seen::<Value>(part).is_err(), "{part}");
            assert!(seen::<Last>(part).is_err(), "{part}");
            assert!(seen::<IgnoredAny>(part).is_err(), "{part}");
        }
    }
}

#[test]
fn what_is_looked_at_and_is_no_json_is_refused() {
    for text in [
        "",
        "[1,]",
        "[,1]",
        "[1 2]",
        "[1}",
        "{\"a\":1]",
        "{\"a\" 1}",
        "{\"a\":1,}",
        "{,}",
        "{1:2}",
        "{\"a\":}",
        "[\"\t\"]",
        "[\"\\x\"]",
        "01",
        "1x",
        "nul",
        "nullx",
        "tru",
        "[] []",
        "}",
        "]",
        "\"",
        "[-]",
        "not JSON",
        "<html>",
    ] {
        assert!(serde_json::from_str::<Value>(text).is_err(), "{text}");
        assert!(seen::<Value>(text).is_err(), "{text}");
    }
}

#[test]
fn what_is_passed_over_must_close_what_it_opens_and_words_must_be_words() {
    for text in [
        "",
        "[",
        "[[]",
        "{\"a\":[}",
        "\"",
        "[\"]",
        "[\"\\\"]",
        "nul",
        "1x",
        "01",
        "]",
        ":",
        ",",
    ] {
        assert!(passed(text).is_err(), "{text}");
    }
}

#[test]
fn null_and_nothing_are_none_and_a_wrong_kind_is_refused() {
    assert_eq!(seen::<Last>("{}").unwrap(), Last { last: None });
    assert_eq!(seen::<Last>(r#"{"last":null}"#).unwrap(), Last { last: None });
    for text in [
        r#"{"last":"7"}"#,
        r#"{"last":300}"#,
        r#"{"last":1,"last":2}"#,
        "[[7]]",
        "7",
    ] {
        assert!(seen::<Last>(text).is_err(), "{text}");
    }
}

#[test]
fn brackets_without_end_use_up_no_stack() {
    let many = 1_000_000;
    let deep = "[".repeat(many) + &"]".repeat(many);
    let error = seen::<Value>(&deep).unwrap_err().to_string();
    assert_eq!(error, "too many brackets in one another at byte 128");
    assert!(passed(&deep).is_ok(), "what is passed over is counted, not followed");
    let allowed = "[".repeat(100) + &"]".repeat(100);
    assert!(seen::<Value>(&allowed).is_ok());
}

#[test]
fn escapes_and_surrogates_are_read_as_serde_json_reads_them() {
    for string in [
        r#""\ud834\udd1e\u00e4\/\b\f\n\r\t\"\\""#,
        r#""\\\"""#,
        r#""\ud834""#,
        r#""\udd1e\ud834""#,
        r#""\ud834\u0041""#,
        r#""\u12""#,
        r#""\x""#,
        "\"\u{1}\"",
        "\"\u{7f}\u{fffd}\u{10ffff}\"",
    ] {
        let expected = serde_json::from_str::<Value>(string).ok();
        assert_eq!(seen::<Value>(string).ok(), expected, "{string}");
        // as a key, too
        let map = format!("{{{string}:1}}");
        let expected = serde_json::from_str::<Value>(&map).ok();
        assert_eq!(seen::<Value>(&map).ok(), expected, "{map}");
    }
}

#[test]
fn of_a_field_that_comes_twice_the_same_is_made() {
    let twice = r#"{"a":1,"b":[2],"a":{"c":3}}"#;
    assert_eq!(
        seen::<Value>(twice).unwrap(),
        serde_json::from_str::<Value>(twice).unwrap()
    );
    for text in [r#"{"last":1,"last":2}"#, r#"{"last":1,"la\u0073t":2}"#] {
        assert!(serde_json::from_str::<Last>(text).is_err(), "{text}");
        assert!(seen::<Last>(text).is_err(), "{text}");
    }
}

#[test]
fn whatever_follows_is_refused() {
    for text in ["[] []", "{}x", "{} ,", "7 7", "null]", "\"a\"\"", "[]\u{0}", "{}\u{a0}"] {
        assert!(serde_json::from_str::<Value>(text).is_err(), "{text}");
        assert!(seen::<Value>(text).is_err(), "{text}");
        assert!(seen::<IgnoredAny>(text).is_err(), "{text}");
    }
}

#[test]
fn letters_that_are_none_are_refused_where_they_are_looked_at() {
    let mut body = br#"{"passed": "?", "last": "?"}"#.to_vec();
    let places: Vec<usize> = (0..body.len()).filter(|at| body[*at] == b'?').collect();
    body[places[0]] = 0xff;
    #[derive(Debug, Deserialize)]
    struct Word {
        last: String,
    }
    let read = |body: &[u8]| Word::deserialize(&mut Skim::new(body)).map(|word| word.last);
    assert_eq!(read(&body).unwrap(), "?");
    body[places[1]] = 0xff;
    assert_eq!(
        read(&body).unwrap_err().to_string(),
        format!("a string that is no UTF-8 at byte {}", places[1] + 2)
    );
}
