//! JSON for programs. docs/json.md describes it; the version changes when a field changes its meaning or goes away.

use std::io;

use serde::Serialize;
use serde_json::ser::{CharEscape, CompactFormatter, Formatter, PrettyFormatter};

use super::untrusted::is_treacherous;

/// The `apiVersion` of every JSON document that shardctl prints.
pub const API_VERSION: &str = "shardctl.dev/v1";

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document<'a, T> {
    api_version: &'static str,
    kind: &'static str,
    #[serde(flatten)]
    body: &'a T,
}

/// A document with its `apiVersion` and `kind`, indented, with a newline at its end. What a terminal would obey is escaped
/// as JSON allows, so that reading it back gives the same text.
///
/// # Errors
/// What serde_json says of a value that isn't JSON (a map with keys that aren't strings).
pub fn document<T: Serialize>(kind: &'static str, body: &T) -> serde_json::Result<String> {
    write(kind, body, PrettyFormatter::new())
}

/// The same on one line, for a stream of documents.
///
/// # Errors
/// As [`document`].
pub fn line<T: Serialize>(kind: &'static str, body: &T) -> serde_json::Result<String> {
    write(kind, body, CompactFormatter)
}

fn write<T: Serialize>(kind: &'static str, body: &T, layout: impl Formatter) -> serde_json::Result<String> {
    let document = Document {
        api_version: API_VERSION,
        kind,
        body,
    };
    let mut out = Vec::with_capacity(4096);
    let mut serializer = serde_json::Serializer::with_formatter(&mut out, Escaping(layout));
    document.serialize(&mut serializer)?;
    out.push(b'\n');
    String::from_utf8(out).map_err(serde::ser::Error::custom)
}

/// JSON text with every treacherous character in its strings escaped: the same document, safe to look at in a terminal.
pub fn escaped(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for c in json.chars() {
        // Within a string, JSON allows no raw control of ASCII but DEL; outside, line ends and tabs are layout.
        if is_treacherous(c) && !matches!(c, '\n' | '\r' | '\t') {
            let mut units = [0; 2];
            for unit in c.encode_utf16(&mut units) {
                out.push_str(&format!("\\u{unit:04x}"));
            }
        } else {
            out.push(c);
        }
    }
    out
}

/// One of serde_json's layouts, with treacherous characters beyond ASCII's controls escaped as well.
struct Escaping<F>(F);

impl<F: Formatter> Formatter for Escaping<F> {
    fn write_string_fragment<W: ?Sized + io::Write>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        let mut rest = fragment;
        while let Some(at) = rest.find(is_treacherous) {
            let (before, after) = rest.split_at(at);
            writer.write_all(before.as_bytes())?;
            let mut chars = after.chars();
            if let Some(c) = chars.next() {
                let mut units = [0; 2];
                for unit in c.encode_utf16(&mut units) {
                    write!(writer, "\\u{unit:04x}")?;
                }
            }
            rest = chars.as_str();
        }
        writer.write_all(rest.as_bytes())
    }

    fn write_char_escape<W: ?Sized + io::Write>(&mut self, writer: &mut W, escape: CharEscape) -> io::Result<()> {
        self.0.write_char_escape(writer, escape)
    }

    fn begin_array<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.begin_array(writer)
    }

    fn end_array<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_array(writer)
    }

    fn begin_array_value<W: ?Sized + io::Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        self.0.begin_array_value(writer, first)
    }

    fn end_array_value<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_array_value(writer)
    }

    fn begin_object<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.begin_object(writer)
    }

    fn end_object<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_object(writer)
    }

    fn begin_object_key<W: ?Sized + io::Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        self.0.begin_object_key(writer, first)
    }

    fn begin_object_value<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.begin_object_value(writer)
    }

    fn end_object_value<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_object_value(writer)
    }
}

#[cfg(test)]
mod tests {
    use super::{document, line};
    use crate::report::testing::one_of_each;

    #[test]
    fn hostile_text_survives_the_way_there_and_back_and_reaches_no_terminal() {
        let hostile = "a\u{1b}[31m\u{202e}b\u{9b}c\u{e0041}\n";
        let text = document("Test", &std::collections::BTreeMap::from([("name", hostile)])).unwrap();
        assert!(!text.contains(['\u{1b}', '\u{202e}', '\u{9b}', '\u{e0041}']));
        let back: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(back["name"], hostile);
        assert_eq!(back["apiVersion"], "shardctl.dev/v1");
    }

    #[test]
    fn every_event_is_one_line_and_the_page_names_it_with_each_of_its_fields() {
        let page = include_str!("../../docs/json.md");
        let (_, events) = page.split_once("## Event (").expect("a section on events");
        let rows: Vec<&str> = events.lines().filter(|line| line.starts_with("| `")).collect();
        let mut named = Vec::new();
        for event in one_of_each() {
            let text = line("Event", &event).unwrap();
            assert_eq!(text.matches('\n').count(), 1, "{text}");
            assert!(text.ends_with('\n') && !text.contains(['\u{1b}', '\u{202e}']), "{text}");
            let object: serde_json::Map<String, serde_json::Value> = serde_json::from_str(&text).unwrap();
            assert_eq!(
                (object["apiVersion"].as_str(), object["kind"].as_str()),
                (Some("shardctl.dev/v1"), Some("Event"))
            );
            let name = object["event"].as_str().unwrap().to_owned();
            let row = rows.iter().find(|row| row.starts_with(&format!("| `{name}` |")));
            let row = row.unwrap_or_else(|| panic!("docs/json.md doesn't name the event {name}"));
            for field in object
                .keys()
                .filter(|key| !["apiVersion", "kind", "at", "event"].contains(&key.as_str()))
            {
                assert!(
                    row.contains(&format!("`{field}`")),
                    "docs/json.md: {name} lacks the field {field}"
                );
            }
            named.push(format!("| `{name}` |"));
        }
        let section = page
            .split("## Event ")
            .nth(1)
            .and_then(|rest| rest.split("\n## ").next())
            .unwrap();
        for row in section.lines().filter(|line| line.starts_with("| `")) {
            assert!(
                named.iter().any(|name| row.starts_with(name.as_str())),
                "there is no such event: {row}"
            );
        }
    }
}
