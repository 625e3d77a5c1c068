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
    value: Value,
    /// Its JSON without `apiVersion` and `kind`, as lists have it.
    bare: OnceLock<Bare>,
    /// What is asked of it most.
    glance: OnceLock<Box<Glance>>,
}

/// A text, and where in it the metadata are.
struct Bare {
    text: String,
    metadata: Range<usize>,
}

impl Object {
    /// Its JSON.
    pub fn text(&self) -> String {
        let (version, kind) = (&self["apiVersion"], &self["kind"]);
        let bare = self.bare_text();
        let rest = bare.strip_prefix('{').unwrap_or(bare);
        let comma = if rest == "}" { "" } else { "," };
        format!(r#"{{"apiVersion":{version},"kind":{kind}{comma}{rest}"#)
    }

    /// Whether the other one is this very object at this very version, and not only an equal one.
    pub fn is_very(&self, other: &Object) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// What is asked of it most, read once.
    pub fn glance(&self) -> &Glance {
        self.0.glance.get_or_init(|| Box::new(Glance::at(&self.0.value)))
    }

    /// Its JSON without `apiVersion` and `kind`: so the objects of built-in kinds stand in lists.
    pub fn bare_text(&self) -> &str {
        &self.bare().text
    }

    /// The JSON of its metadata; `null` where it has none.
    pub fn metadata_text(&self) -> &str {
        let bare = self.bare();
        bare.text
            .get(bare.metadata.clone())
            .filter(|text| !text.is_empty())
            .unwrap_or("null")
    }

    fn bare(&self) -> &Bare {
        self.0.bare.get_or_init(|| {
            let mut metadata = 0..0;
            let fields = self.0.value.as_object().into_iter().flatten();
            let mut text = String::from("{");
            for (key, value) in fields.filter(|(key, _)| *key != "apiVersion" && *key != "kind") {
                if text.len() > 1 {
                    text.push(',');
                }
                text.push_str(&Value::from(key.as_str()).to_string());
                text.push(':');
                let begun = text.len();
                text.push_str(&value.to_string());
                if key == "metadata" {
                    metadata = begun..text.len();
                }
            }
            text.push('}');
            text.shrink_to_fit();
            Bare { text, metadata }
        })
    }
}

impl From<Value> for Object {
    fn from(value: Value) -> Self {
        Object(Arc::new(Kept {
            value,
            bare: OnceLock::new(),
            glance: OnceLock::new(),
        }))
    }
}

impl Deref for Object {
    type Target = Value;

    fn deref(&self) -> &Value {
        &self.0.value
    }
}

impl AsRef<Value> for Object {
    fn as_ref(&self) -> &Value {
        self
    }
}

impl fmt::Display for Object {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str(&self.text())
    }
}

impl PartialEq for Object {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || **self == **other
    }
}

impl fmt::Debug for Object {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.value.fmt(to)
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
            assert_eq!(read(&object.text()), value);
            assert_eq!(read(object.metadata_text()), value["metadata"]);
            let mut bare = value;
            bare.as_object_mut()
                .unwrap()
                .retain(|key, _| key != "apiVersion" && key != "kind");
            assert_eq!(read(object.bare_text()), bare);
        }
    }
}
