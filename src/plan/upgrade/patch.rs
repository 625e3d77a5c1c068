//! The writes to the set as JSON patches: the template with its journal, and the journal's end.

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::model::journal::{JOURNAL, Journal};
use crate::model::step::TemplateChange;

/// Where the journal is in a set, as a JSON pointer (RFC 6901).
const AT: &str = "/metadata/annotations/shardctl.dev~1journal";

/// The patch that writes a template and, in the same request, what it was before. Refused by the server where the set is not at
/// the version that was read. `raw` is the set as it was read.
pub fn write_template(raw: &Value, change: &TemplateChange, run: &str, by: &str, now: Timestamp) -> Value {
    let journal = Journal {
        run: run.to_owned(),
        by: by.to_owned(),
        at: now,
        what: change.what.clone(),
        from: change.from.clone(),
        previous: change.previous.clone(),
        restart: change.restart.clone(),
        undo: change.undo,
        finished: None,
    };
    let mut patch = vec![same_version(raw)];
    if raw.pointer("/metadata/annotations").is_none() {
        patch.push(json!({"op": "add", "path": "/metadata/annotations", "value": {}}));
    }
    patch.push(json!({"op": "add", "path": AT, "value": written(&journal)}));
    patch.push(json!({"op": "replace", "path": "/spec/template", "value": change.template}));
    Value::Array(patch)
}

/// The patch that closes the journal of a set as it was read; none where there is no open journal.
pub fn finish_journal(raw: &Value, now: Timestamp) -> Option<Value> {
    let present = raw.pointer("/metadata/annotations")?.get(JOURNAL)?.as_str()?;
    let mut journal: Journal = serde_json::from_str(present).ok()?;
    if journal.finished.is_some() {
        return None;
    }
    journal.finished = Some(now);
    Some(json!([
        {"op": "test", "path": AT, "value": present},
        {"op": "replace", "path": AT, "value": written(&journal)},
    ]))
}

fn same_version(raw: &Value) -> Value {
    let version = raw.pointer("/metadata/resourceVersion").cloned().unwrap_or(Value::Null);
    json!({"op": "test", "path": "/metadata/resourceVersion", "value": version})
}

fn written(journal: &Journal) -> String {
    // A journal holds JSON already: nothing in it can fail to be written.
    serde_json::to_string(journal).unwrap_or_default()
}
