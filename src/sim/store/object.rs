//! An object as the store keeps it: nobody changes it any more, so that all who look at it share it, and its text is written once.

use std::fmt;
use std::ops::{Deref, Range};
use std::sync::{Arc, OnceLock};

use serde_json::Value;

use super::Glance;

/// An object. A clone of it is the same one: the log of changes holds it too.
#[derive(Clone)]
pub struct Object(Arc<Kept>);

struct Kept {
    said: Arc<Said>,
    /// The same as a tree, for as long as somebody looks into it: that takes ten times the room.
    tree: OnceLock<Value>,
}

/// What an object says.
struct Said {
    /// Its JSON, with `apiVersion` and `kind` first.
    text: Box<str>,
    /// Where in it the other fields begin.
    fields: usize,
    /// Where in it the metadata are.
    metadata: Range<usize>,
    /// What is asked of it most.
    glance: Glance,
}

/// What stands before the other fields.
const FIRST: [&str; 2] = ["apiVersion", "kind"];

impl Said {
    fn of(value: &Value) -> Said {
        let (mut text, mut metadata) = (String::from("{"), 0..0);
        for key in FIRST {
            if let Some(value) = value.get(key) {
                write_field(&mut text, key, value);
            }
        }
        let comma = usize::from(text.len() > 1);
        let fields = text.len() + comma;
        let others = value.as_object().into_iter().flatten();
        for (key, value) in others.filter(|(key, _)| !FIRST.contains(&key.as_str())) {
            let begun = write_field(&mut text, key, value);
            if key == "metadata" {
                metadata = begun..text.len();
            }
        }
        let fields = fields.min(text.len());
        text.push('}');
        Said {
            text: text.into_boxed_str(),
            fields,
            metadata,
            glance: Glance::at(value),
        }
    }

    fn tree(&self) -> Value {
        // The text was written here, of a tree.
        serde_json::from_str(&self.text).unwrap_or_default()
    }
}

/// Writes a field behind those that are there; returns where its value begins.
fn write_field(text: &mut String, key: &str, value: &Value) -> usize {
    if text.len() > 1 {
        text.push(',');
    }
    text.push_str(&Value::from(key).to_string());
    text.push(':');
    let begun = text.len();
    text.push_str(&value.to_string());
    begun
}

impl Object {
    /// Its JSON.
    pub fn text(&self) -> &str {
        &self.0.said.text
    }

    /// Whether the other one is this very object at this very version, and not only an equal one.
    pub fn is_very(&self, other: &Object) -> bool {
        Arc::ptr_eq(&self.0.said, &other.0.said)
    }

    /// What is asked of it most, read once.
    pub fn glance(&self) -> &Glance {
        &self.0.said.glance
    }

    /// Its JSON without `apiVersion` and `kind`, and without the brace that opens it: so the objects of built-in kinds stand in
    /// lists.
    pub fn fields_text(&self) -> &str {
        self.0.said.text.get(self.0.said.fields..).unwrap_or("}")
    }

    /// The JSON of its metadata; `null` where it has none.
    pub fn metadata_text(&self) -> &str {
        let found = self.0.said.text.get(self.0.said.metadata.clone());
        found.filter(|text| !text.is_empty()).unwrap_or("null")
    }

    /// Looks into it once. Of a list that is gone through only to see what is in it, all trees together would be most of the memory.
    pub fn in_passing<T>(&self, look: impl FnOnce(&Value) -> T) -> T {
        match self.0.tree.get() {
            Some(tree) => look(tree),
            None => look(&self.0.said.tree()),
        }
    }

    /// Gives the tree's room back, where nobody else looks into this very object. The next look grows it anew.
    pub(super) fn rest(&mut self) {
        if self.0.tree.get().is_some() {
            *self = Object(Arc::new(Kept {
                said: self.0.said.clone(),
                tree: OnceLock::new(),
            }));
        }
    }
}

impl From<Value> for Object {
    fn from(value: Value) -> Self {
        let said = Arc::new(Said::of(&value));
        Object(Arc::new(Kept {
            said,
            tree: OnceLock::from(value),
        }))
    }
}

impl Deref for Object {
    type Target = Value;

    fn deref(&self) -> &Value {
        (self.0.tree).get_or_init(|| self.0.said.tree())
    }
}

impl AsRef<Value> for Object {
    fn as_ref(&self) -> &Value {
        self
    }
}

impl fmt::Display for Object {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str(self.text())
    }
}

impl PartialEq for Object {
    fn eq(&self, other: &Self) -> bool {
        self.is_very(other) || self.text() == other.text()
    }
}

impl fmt::Debug for Object {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str(self.text())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn its_text_is_the_same_object_and_the_bare_one_lacks_version_and_kind() {
        for value in [
            json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a\"b"}, "spec": {"n": [1, null]}}),
            json!({"apiVersion": "v1", "kind": "Nothing"}),
        ] {
            let object = Object::from(value.clone());
            let read = |text: &str| serde_json::from_str::<Value>(text).unwrap();
            assert_eq!(read(object.text()), value);
            let mut rested = object.clone();
            rested.rest();
            assert_eq!((&*rested, rested.is_very(&object)), (&value, true));
            assert_eq!(read(object.metadata_text()), value["metadata"]);
            let mut bare = value;
            bare.as_object_mut()
                .unwrap()
                .retain(|key, _| key != "apiVersion" && key != "kind");
            assert_eq!(read(&format!("{{{}", object.fields_text())), bare);
        }
    }
}
