//! Creating and changing objects, with what the server itself adds to them.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::managed::Path;
use super::{Key, Object, Store, defaults, valid};
use crate::sim::json::{is_leaving, list, remove, set, stamp, text, uid};
use crate::sim::kind::Kind;
use crate::sim::refused::{Cause, Refused};

/// Who writes, when, and whether it counts.
#[derive(Clone, Copy, Debug)]
pub struct Write<'a> {
    /// The field manager.
    pub manager: &'a str,
    /// The server's time.
    pub now: Timestamp,
    /// `dryRun=All`: the answer is made and nothing kept.
    pub dry_run: bool,
}

/// Which part of an object a write is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Everything but the status, as through the object's own path.
    Main,
    /// The status alone, as through its path of its own.
    Status,
    /// Both: what a controller and its kubelet do in several requests.
    Whole,
}

/// How a write is noted in managedFields.
#[derive(Clone, Copy)]
pub(super) enum Noted<'a> {
    /// What it changes is the writer's.
    Updated,
    /// The first are the writer's, whether or not they change; the second nobody else's any more.
    Applied(&'a BTreeSet<Path>, &'a BTreeSet<Path>),
}

impl Write<'_> {
    /// Whether it comes by a request: the cluster's own writers aren't named.
    fn is_by_a_client(&self) -> bool {
        !self.manager.is_empty()
    }
}

impl Store {
    /// Puts in an object that has lived before: as it is, but for its version. Its uid and its times stay.
    pub fn load(&mut self, kind: Kind, mut object: Value) -> Object {
        object["apiVersion"] = json!(kind.api_version());
        object["kind"] = json!(kind.served().name);
        if uid(&object).is_empty() {
            let number = self.next_number();
            set(&mut object, &["metadata", "uid"], json!(new_uid(number)));
        }
        defaults::fill(kind, &mut object);
        let key = Key::of(kind, &object);
        self.keep(&key, object)
    }

    /// Creates an object.
    ///
    /// # Errors
    /// 409 where one of that name is there; 404 without its namespace; 403 in one that is going.
    pub fn create(
        &mut self,
        kind: Kind,
        namespace: &str,
        object: Value,
        part: Part,
        write: &Write<'_>,
    ) -> Result<Object, Refused> {
        self.create_noting(kind, namespace, object, part, write, Noted::Updated)
    }

    pub(super) fn create_noting(
        &mut self,
        kind: Kind,
        namespace: &str,
        mut object: Value,
        part: Part,
        write: &Write<'_>,
        noted: Noted<'_>,
    ) -> Result<Object, Refused> {
        let name = self.name_for(&object, kind)?;
        self.check_namespace(kind, namespace, &name)?;
        let key = Key::new(kind, namespace, &name);
        object["apiVersion"] = json!(kind.api_version());
        object["kind"] = json!(kind.served().name);
        if part == Part::Main && kind.has_status() {
            remove(&mut object, &["status"]);
        }
        for ours in [
            "resourceVersion",
            "deletionTimestamp",
            "deletionGracePeriodSeconds",
            "managedFields",
        ] {
            remove(&mut object, &["metadata", ours]);
        }
        let number = self.next_number();
        set(&mut object, &["metadata", "name"], json!(name));
        if kind.served().namespaced {
            set(&mut object, &["metadata", "namespace"], json!(namespace));
        }
        set(&mut object, &["metadata", "uid"], json!(new_uid(number)));
        set(&mut object, &["metadata", "creationTimestamp"], stamp(write.now));
        if kind.has_generation() {
            set(&mut object, &["metadata", "generation"], json!(1));
        }
        defaults::fill(kind, &mut object);
        noted.write(kind, None, &mut object, Part::Main, write);
        defaults::begin(kind, &mut object);
        if kind == Kind::Pods {
            self.admit(&mut object)?;
        }
        if write.is_by_a_client() {
            valid::check(kind, None, &object)?;
        }
        if self.get(&key).is_some() {
            return Err(Refused::already_exists(kind, &name));
        }
        Ok(if write.dry_run {
            object.into()
        } else {
            self.keep(&key, object)
        })
    }

    /// Changes an object to what it shall be. A resourceVersion or uid in it has to be the present one's. An object whose
    /// last finalizer goes while it is being deleted goes with it.
    ///
    /// # Errors
    /// 404, 409 for another version or uid, 422 for what can't be changed.
    pub fn update(&mut self, key: &Key, object: Value, part: Part, write: &Write<'_>) -> Result<Object, Refused> {
        self.update_noting(key, object, part, write, Noted::Updated)
    }

    pub(super) fn update_noting(
        &mut self,
        key: &Key,
        mut object: Value,
        part: Part,
        write: &Write<'_>,
        noted: Noted<'_>,
    ) -> Result<Object, Refused> {
        let present = self.need(key)?.clone();
        let (kind, name) = (key.kind, key.name.as_str());
        let version = text(&object, "/metadata/resourceVersion");
        if !version.is_empty() && version.parse::<u64>().is_err() {
            let message = format!("strconv.ParseUint: parsing {version:?}: invalid syntax");
            return Err(Refused::new(500, "", message));
        }
        if !version.is_empty() && version != text(&present, "/metadata/resourceVersion") {
            return Err(Refused::modified(kind, name));
        }
        let wanted = uid(&object);
        if !wanted.is_empty() && wanted != uid(&present) {
            let why = format!(
                "StorageError: invalid object, Code: 4, Key: /registry/{}/{}/{name}, ResourceVersion: 0, AdditionalErrorMsg: \
                 Precondition failed: UID in precondition: {wanted}, UID in object meta: {}",
                kind.served().plural,
                key.namespace,
                uid(&present)
            );
            return Err(Refused::conflict(kind, name, &why));
        }
        keep_what_is_the_servers(&present, &mut object);
        match part {
            Part::Main if kind.has_status() => copy(&present, &mut object, "status"),
            Part::Status => {
                let status = object.get("status").cloned();
                object = Value::clone(&present);
                let class = present.pointer("/status/qosClass").cloned();
                match status {
                    Some(mut status) => {
                        if let (Some(class), Some(fields)) = (class, status.as_object_mut()) {
                            fields.insert("qosClass".to_owned(), class);
                        }
                        object["status"] = status;
                    }
                    None => drop(remove(&mut object, &["status"])),
                }
            }
            Part::Main | Part::Whole => {}
        }
        if write.is_by_a_client() && part == Part::Main {
            defaults::fill(kind, &mut object);
            valid::check(kind, Some(&present), &object)?;
        }
        let is_wished_anew = kind.has_generation() && wishes(kind, &present) != wishes(kind, &object);
        let is_same = |object: &Value| !is_wished_anew && *object == *present;
        if is_wished_anew {
            let generation = present["metadata"]["generation"].as_i64().unwrap_or(0);
            set(&mut object, &["metadata", "generation"], json!(generation + 1));
        }
        // A write that changes nothing makes no version.
        if is_same(&object) && matches!(noted, Noted::Updated) {
            return Ok(present);
        }
        noted.write(kind, Some(&present), &mut object, part, write);
        if is_same(&object) {
            return Ok(present);
        }
        if write.dry_run {
            return Ok(object.into());
        }
        let freed = is_leaving(&object)
            && !list(&present, "/metadata/finalizers").is_empty()
            && list(&object, "/metadata/finalizers").is_empty();
        let kept = self.keep(key, object);
        let waits = kept["metadata"]["deletionGracePeriodSeconds"].as_i64().unwrap_or(0) > 0;
        Ok(if freed && !waits {
            self.drop_key(key).unwrap_or(kept)
        } else {
            kept
        })
    }

    fn name_for(&mut self, object: &Value, kind: Kind) -> Result<String, Refused> {
        let (name, stem) = (text(object, "/metadata/name"), text(object, "/metadata/generateName"));
        match (name.is_empty(), stem.is_empty()) {
            (false, _) => Ok(name.to_owned()),
            (true, false) => Ok(format!("{stem}{}", suffix(self.next_number()))),
            (true, true) => Err(Refused::invalid(
                kind,
                "",
                &[Cause {
                    reason: "FieldValueRequired",
                    message: "Required value: name or generateName is required".to_owned(),
                    field: "metadata.name".to_owned(),
                }],
            )),
        }
    }

    fn check_namespace(&self, kind: Kind, namespace: &str, name: &str) -> Result<(), Refused> {
        if !kind.served().namespaced {
            return Ok(());
        }
        let found = self.need(&Key::wide(Kind::Namespaces, namespace))?;
        if is_leaving(found) {
            let resource = kind.resource();
            let message = format!(
                "{resource} \"{name}\" is forbidden: unable to create new content in namespace {namespace} because it is \
                 being terminated"
            );
            return Err(Refused::new(403, "Forbidden", message).about(kind, name));
        }
        Ok(())
    }
}

/// A uid that no other number gives.
fn new_uid(number: u64) -> String {
    format!("5e4a0000-0000-4000-8000-{number:012x}")
}

/// Five letters of those that Kubernetes makes names of.
pub(super) fn suffix(mut number: u64) -> String {
    const LETTERS: &[u8; 27] = b"bcdfghjklmnpqrstvwxz2456789";
    let mut letters = [b'b'; 5];
    for letter in letters.iter_mut().rev() {
        let at = usize::try_from(number % 27).unwrap_or_default();
        *letter = LETTERS[at];
        number /= 27;
    }
    letters.iter().map(|letter| char::from(*letter)).collect()
}

/// Nobody but the server writes these.
fn keep_what_is_the_servers(present: &Value, object: &mut Value) {
    for key in [
        "uid",
        "name",
        "namespace",
        "creationTimestamp",
        "deletionTimestamp",
        "deletionGracePeriodSeconds",
        "generation",
        "resourceVersion",
        "managedFields",
        "selfLink",
    ] {
        match present["metadata"].get(key) {
            Some(value) => set(object, &["metadata", key], value.clone()),
            None => drop(remove(object, &["metadata", key])),
        }
    }
    copy(present, object, "apiVersion");
    copy(present, object, "kind");
}

fn copy(from: &Value, to: &mut Value, key: &str) {
    match from.get(key) {
        Some(value) => to[key] = value.clone(),
        None => drop(remove(to, &[key])),
    }
}

/// What a generation counts: everything but metadata and, where it has a path of its own, the status.
fn wishes(kind: Kind, object: &Value) -> Vec<(&String, &Value)> {
    let fields = object.as_object().into_iter().flatten();
    fields
        .filter(|(key, _)| *key != "metadata" && !(kind.has_status() && *key == "status"))
        .collect()
}
