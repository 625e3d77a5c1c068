//! A scene: requests in their order, of which those with a name are recorded.

use serde_json::Value;

/// Requests in their order, in a namespace of the scene's own.
pub struct Scene {
    /// The name of the file, and of the namespace.
    pub name: &'static str,
    /// What is done.
    pub steps: Vec<Step>,
}

/// One thing that is done.
pub enum Step {
    /// A request whose answer is recorded under a name.
    Ask(&'static str, Asked),
    /// A request that only prepares the next ones, and succeeds.
    Do(Asked),
    /// A wait for a value in an object.
    Until(String, &'static str, Value),
}

/// A request. `NS` in its path and its body is the scene's namespace; `<uid PATH>` and `<version PATH>` are those of the object
/// at a path, as it is when the request is sent.
#[derive(Clone)]
pub struct Asked {
    /// The method.
    pub method: &'static str,
    /// The path with its query.
    pub target: String,
    /// `Content-Type`.
    pub content_type: &'static str,
    /// `Accept`.
    pub accept: &'static str,
    /// The body; empty for none.
    pub body: String,
    /// Whether somebody asks who has no rights.
    pub by_nobody: bool,
    /// Whether the answer is a watch, a line a change.
    pub is_watch: bool,
}

impl Scene {
    /// A scene in a namespace of its own.
    pub fn new(name: &'static str) -> Scene {
        let namespace = serde_json::json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "NS"}});
        Scene {
            name,
            steps: vec![
                Step::Do(post("/api/v1/namespaces", namespace)),
                // A pod needs it.
                Step::Until(
                    "/api/v1/namespaces/NS/serviceaccounts/default".to_owned(),
                    "/metadata/name",
                    "default".into(),
                ),
            ],
        }
    }

    /// A request whose answer is recorded.
    pub fn ask(mut self, name: &'static str, asked: Asked) -> Scene {
        self.steps.push(Step::Ask(name, asked));
        self
    }

    /// A request that has to succeed.
    pub fn first(mut self, asked: Asked) -> Scene {
        self.steps.push(Step::Do(asked));
        self
    }

    /// A wait until an object has a value.
    pub fn until(mut self, path: &str, pointer: &'static str, value: impl Into<Value>) -> Scene {
        self.steps.push(Step::Until(path.to_owned(), pointer, value.into()));
        self
    }
}

fn asked(method: &'static str, target: impl Into<String>, content_type: &'static str, body: Value) -> Asked {
    Asked {
        method,
        target: target.into(),
        content_type,
        accept: "application/json",
        body: if body.is_null() {
            String::new()
        } else {
            body.to_string()
        },
        by_nobody: false,
        is_watch: false,
    }
}

/// GET.
pub fn get(target: impl Into<String>) -> Asked {
    asked("GET", target, "application/json", Value::Null)
}

/// GET, a line a change.
pub fn watch(target: impl Into<String>) -> Asked {
    Asked {
        is_watch: true,
        ..get(target)
    }
}

/// POST.
pub fn post(target: impl Into<String>, body: Value) -> Asked {
    asked("POST", target, "application/json", body)
}

/// PUT.
pub fn put(target: impl Into<String>, body: Value) -> Asked {
    asked("PUT", target, "application/json", body)
}

/// PATCH, a JSON patch.
pub fn patch(target: impl Into<String>, body: Value) -> Asked {
    asked("PATCH", target, "application/json-patch+json", body)
}

/// PATCH, server-side apply.
pub fn apply(target: impl Into<String>, body: Value) -> Asked {
    asked("PATCH", target, "application/apply-patch+yaml", body)
}

/// DELETE.
pub fn delete(target: impl Into<String>, options: Value) -> Asked {
    asked("DELETE", target, "application/json", options)
}

impl Asked {
    /// The same, by somebody without rights.
    pub fn by_nobody(self) -> Asked {
        Asked {
            by_nobody: true,
            ..self
        }
    }

    /// The same, with another `Accept`.
    pub fn accepting(self, accept: &'static str) -> Asked {
        Asked { accept, ..self }
    }

    /// The same, with a body that is no JSON.
    pub fn with_text(self, body: &str) -> Asked {
        Asked {
            body: body.to_owned(),
            ..self
        }
    }
}
