//! What two clusters can't give alike: uids, times, versions, tokens, and who else writes. Everything else is compared.

use std::sync::LazyLock;

use regex::Regex;
use serde_json::{Map, Value, json};

use super::script::Asked;

/// Who writes in the scenes; what others note in managedFields is theirs.
const OURS: [&str; 3] = ["shardctl", "tester", "other"];

/// An answer as it is recorded, with the request that it answers.
pub fn answer(asked: &Asked, text: &str, code: u16, content_type: &str, retry_after: Option<String>) -> Value {
    let mut body = if asked.is_watch {
        text.lines().map(read).collect()
    } else {
        read(text)
    };
    let kind = body["kind"].as_str().unwrap_or_default().to_owned();
    if let (false, "StatefulSet" | "PodDisruptionBudget", Value::Object(fields)) =
        (asked.method == "GET", kind.as_str(), &mut body)
    {
        // A controller writes it when it comes to it.
        fields.remove("status");
    }
    if kind == "Node" {
        without_its_controllers(&mut body);
    }
    let mut request = Map::new();
    request.insert("what".to_owned(), json!(format!("{} {}", asked.method, asked.target)));
    if !asked.body.is_empty() {
        request.insert(
            "body".to_owned(),
            serde_json::from_str(&asked.body).unwrap_or_else(|_| json!(asked.body)),
        );
    }
    let mut answer = json!({"request": request, "code": code, "contentType": content_type, "body": body});
    if let Some(seconds) = retry_after {
        answer["retryAfter"] = json!(seconds);
    }
    answer
}

fn read(text: &str) -> Value {
    match serde_json::from_str::<Value>(text) {
        Ok(mut value) => {
            plain("", &mut value);
            value
        }
        Err(_) => json!(words(text)),
    }
}

/// A node without what its controllers and its kubelet write when they come to it.
fn without_its_controllers(node: &mut Value) {
    if let Some(fields) = node.as_object_mut() {
        fields.remove("status");
    }
    if let Some(spec) = node.pointer_mut("/spec").and_then(Value::as_object_mut) {
        spec.remove("taints");
    }
    let annotations = node.pointer_mut("/metadata/annotations");
    if let Some(annotations) = annotations.and_then(Value::as_object_mut) {
        annotations.retain(|key, _| key.starts_with("shardctl.dev/"));
    }
}

fn plain(key: &str, value: &mut Value) {
    match value {
        Value::Object(fields) => {
            if let Some(Value::Array(entries)) = fields.get_mut("managedFields") {
                entries.retain(|entry| OURS.iter().any(|ours| entry["manager"] == *ours));
                entries.sort_by_key(ToString::to_string);
                for entry in entries.iter_mut() {
                    without_dots(&mut entry["fieldsV1"]);
                }
                if entries.is_empty() {
                    fields.remove("managedFields");
                }
            }
            if let Some(seconds) = fields.get_mut("tolerationSeconds") {
                // The real server here is told to be less patient than others.
                *seconds = json!("<seconds>");
            }
            // What is null and what isn't there are the same to whoever reads.
            fields.retain(|_, value| !value.is_null());
            for (key, value) in fields {
                plain(key, value);
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| plain(key, item)),
        Value::String(text) => {
            *text = match key {
                "resourceVersion" if !text.is_empty() => "<version>".to_owned(),
                "continue" if !text.is_empty() => "<token>".to_owned(),
                _ => words(text),
            };
        }
        _ => {}
    }
}

/// managedFields mark with a dot that a field itself is somebody's, beside what is in it; nobody here reads that.
fn without_dots(tree: &mut Value) {
    if let Value::Object(fields) = tree {
        fields.remove(".");
        fields.values_mut().for_each(without_dots);
    }
}

static SPOILT: LazyLock<Regex> = LazyLock::new(|| regex(r#"(?s)Invalid value: "\{.*\}": (json|invalid type): .*"#));
static OBJECT: LazyLock<Regex> = LazyLock::new(|| regex(r#"(?s)Invalid value: "\{.*\}": "#));
static NAMES: LazyLock<Regex> = LazyLock::new(|| regex("(kube-api-access-)[a-z0-9]{5}|(db-)[a-z0-9]{8,10}$"));
static UID: LazyLock<Regex> = LazyLock::new(|| regex("[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"));
static TIME: LazyLock<Regex> = LazyLock::new(|| regex(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z"));
static PRECONDITION: LazyLock<Regex> =
    LazyLock::new(|| regex(r"(ResourceVersion in (?:the )?(?:precondition|record) )\((\d+)\)"));
static TOO_OLD: LazyLock<Regex> = LazyLock::new(|| regex(r"resource version: \d+ \(\d+\)"));

fn regex(pattern: &str) -> Regex {
    Regex::new(pattern).unwrap()
}

/// A sentence without uids and times, without the decoder's own words, and without names made at random.
fn words(text: &str) -> String {
    if let Some((before, why)) = text.split_once(" cannot be handled as a ")
        && !why.contains("strict decoding error")
    {
        return format!(
            "{before} cannot be handled as a {}: <why>",
            why.split(':').next().unwrap_or_default()
        );
    }
    // What has no digit has neither uid nor time, and most texts have none.
    if !text.contains(|letter: char| letter.is_ascii_digit()) && !text.contains("Invalid value: \"{") {
        return NAMES.replace_all(text, "$1$2<random>").into_owned();
    }
    let text = SPOILT.replace_all(text, "Invalid value: <object>: <why>");
    let text = OBJECT.replace_all(&text, "Invalid value: <object>: ");
    let text = NAMES.replace_all(&text, "$1$2<random>");
    let text = UID.replace_all(&text, "<uid>");
    let text = TIME.replace_all(&text, "<time>");
    let text = PRECONDITION.replace_all(&text, "$1(<version>)");
    TOO_OLD
        .replace_all(&text, "resource version: <version> (<version>)")
        .into_owned()
}
