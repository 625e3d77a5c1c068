//! What a write would change of an object, field by field: the object as it is against what the server says it would become.

use serde::Serialize;
use serde_json::Value;

/// How much of a value is shown, in characters.
const SHOWN: usize = 60;

/// What becomes of an object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "kebab-case")]
pub enum State {
    /// It isn't there, and is made.
    Created,
    /// It is there, and these fields change.
    Changed {
        /// Which.
        fields: Vec<Change>,
    },
    /// It is there as it should be: nothing is written.
    Same,
    /// It is there; what would change wasn't tried.
    Untried,
}

impl State {
    /// Whether there is anything to write.
    pub fn is_due(&self) -> bool {
        *self != State::Same
    }

    /// In words, for `KIND/NAME …`.
    pub fn words(&self) -> String {
        match self {
            State::Created => "is made".to_owned(),
            State::Changed { fields } if fields.len() == 1 => "changes in 1 field".to_owned(),
            State::Changed { fields } => format!("changes in {} fields", fields.len()),
            State::Same => "stays as it is".to_owned(),
            State::Untried => "is there; what would change wasn't tried".to_owned(),
        }
    }
}

/// A field that changes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Change {
    /// Where: `.spec.template.spec.containers[0].image`.
    pub field: String,
    /// What it was, as JSON; none where it wasn't there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
    /// What it becomes; none where it goes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
}

impl Change {
    /// In a line.
    pub fn words(&self) -> String {
        match (&self.before, &self.after) {
            (Some(before), Some(after)) => format!("{}: {before} → {after}", self.field),
            (None, Some(after)) => format!("{}: + {after}", self.field),
            (Some(before), None) => format!("{}: - {before}", self.field),
            (None, None) => self.field.clone(),
        }
    }
}

/// What becomes of an object that is there: `after` is what the server would make of it. What the server itself writes (versions,
/// who wrote what, the status) counts for nothing.
pub fn state(before: &Value, after: &Value) -> State {
    let mut fields = Vec::new();
    let (Some(was), Some(is)) = (before.as_object(), after.as_object()) else {
        return State::Untried;
    };
    for key in was.keys().chain(is.keys().filter(|key| !was.contains_key(*key))) {
        match key.as_str() {
            "status" | "apiVersion" | "kind" => {}
            "metadata" => {
                for part in ["labels", "annotations"] {
                    let at = format!(".metadata.{part}");
                    compare(
                        &at,
                        was[key].get(part),
                        is.get(key).and_then(|of| of.get(part)),
                        &mut fields,
                    );
                }
            }
            _ => compare(&format!(".{key}"), was.get(key), is.get(key), &mut fields),
        }
    }
    if fields.is_empty() {
        State::Same
    } else {
        State::Changed { fields }
    }
}

fn compare(at: &str, before: Option<&Value>, after: Option<&Value>, into: &mut Vec<Change>) {
    match (before, after) {
        (before, after) if before == after => {}
        (Some(Value::Object(was)), Some(Value::Object(is))) => {
            for key in was.keys().chain(is.keys().filter(|key| !was.contains_key(*key))) {
                compare(&format!("{at}{}", step(key)), was.get(key), is.get(key), into);
            }
        }
        (Some(Value::Array(was)), Some(Value::Array(is))) if was.len() == is.len() => {
            for (index, (was, is)) in was.iter().zip(is).enumerate() {
                compare(&format!("{at}[{index}]"), Some(was), Some(is), into);
            }
        }
        (before, after) => into.push(Change {
            field: at.to_owned(),
            before: before.map(shown),
            after: after.map(shown),
        }),
    }
}

/// A key as a path has it: one with dots or slashes stands in brackets.
fn step(key: &str) -> String {
    if key.contains(['.', '/']) {
        format!("[{key}]")
    } else {
        format!(".{key}")
    }
}

fn shown(value: &Value) -> String {
    let text = match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}
