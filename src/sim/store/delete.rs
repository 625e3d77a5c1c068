//! Deleting: preconditions, the time that a pod gets to stop, finalizers.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::{Key, Object, Store, Write};
use crate::sim::json::{is_leaving, list, number, set, stamp, text, uid};
use crate::sim::kind::Kind;
use crate::sim::refused::Refused;

/// What a deletion asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Deletion {
    /// Only where the object has this uid.
    pub uid: Option<String>,
    /// Only where the object is at this version.
    pub version: Option<String>,
    /// The seconds to stop in, where they aren't the pod's own.
    pub grace: Option<i64>,
}

/// What became of a deletion.
#[derive(Clone, Debug)]
pub enum Deleted {
    /// The object is gone; this was the last of it.
    Gone(Object),
    /// It goes once it has stopped, or once its finalizers are gone.
    Leaving(Object),
}

impl Deleted {
    /// The object.
    pub fn object(&self) -> &Object {
        match self {
            Deleted::Gone(object) | Deleted::Leaving(object) => object,
        }
    }
}

impl Store {
    /// Deletes an object, or begins to.
    ///
    /// # Errors
    /// 404; 409 where a precondition doesn't hold.
    pub fn delete(&mut self, key: &Key, asked: &Deletion, write: &Write<'_>) -> Result<Deleted, Refused> {
        let present = self.need(key)?.clone();
        check(key, &present, asked)?;
        let grace = grace(key.kind, &present, asked.grace);
        let finalizers = !list(&present, "/metadata/finalizers").is_empty();
        if grace == 0 && !finalizers {
            // A pod is marked before it goes, even if at once.
            let last = if key.kind == Kind::Pods {
                self.mark(key, &present, grace, write)
            } else {
                present
            };
            return Ok(Deleted::Gone(if write.dry_run {
                last
            } else {
                self.drop_key(key).unwrap_or(last)
            }));
        }
        let before = number(&present, "/metadata/deletionGracePeriodSeconds");
        if is_leaving(&present) && before.is_some_and(|before| before <= grace) {
            return Ok(Deleted::Leaving(present));
        }
        Ok(Deleted::Leaving(self.mark(key, &present, grace, write)))
    }

    /// Writes into an object that it is to go, and by when.
    fn mark(&mut self, key: &Key, present: &Object, grace: i64, write: &Write<'_>) -> Object {
        let mut object = Value::clone(present);
        let until = stamp(later(write.now, grace));
        set(&mut object, &["metadata", "deletionTimestamp"], until);
        set(&mut object, &["metadata", "deletionGracePeriodSeconds"], json!(grace));
        if key.kind.has_generation() && !is_leaving(present) {
            let generation = number(present, "/metadata/generation").unwrap_or(0);
            set(&mut object, &["metadata", "generation"], json!(generation + 1));
        }
        if write.dry_run {
            object.into()
        } else {
            self.keep(key, object)
        }
    }
}

/// Source: `k8s.io/apiserver/pkg/registry/rest/delete.go`, BeforeDelete.
fn check(key: &Key, present: &Value, asked: &Deletion) -> Result<(), Refused> {
    let here = uid(present);
    if let Some(wanted) = asked.uid.as_deref().filter(|wanted| *wanted != here) {
        let why = format!(
            "the UID in the precondition ({wanted}) does not match the UID in record ({here}). The object might have been \
             deleted and then recreated"
        );
        return Err(Refused::precondition(key.kind, &key.name, &why));
    }
    let here = text(present, "/metadata/resourceVersion");
    if let Some(wanted) = asked.version.as_deref().filter(|wanted| *wanted != here) {
        let why = format!(
            "the ResourceVersion in the precondition ({wanted}) does not match the ResourceVersion in record ({here}). The \
             object might have been modified"
        );
        return Err(Refused::precondition(key.kind, &key.name, &why));
    }
    Ok(())
}

/// The seconds that the object gets: only a pod that was placed and hasn't ended gets any.
///
/// Source: `pkg/registry/core/pod/strategy.go`, CheckGracefulDelete.
fn grace(kind: Kind, object: &Value, asked: Option<i64>) -> i64 {
    let ended = ["Succeeded", "Failed"].contains(&text(object, "/status/phase"));
    if kind != Kind::Pods || ended || text(object, "/spec/nodeName").is_empty() {
        return 0;
    }
    asked
        .or_else(|| number(object, "/spec/terminationGracePeriodSeconds"))
        .unwrap_or(30)
        .max(0)
}

fn later(now: Timestamp, seconds: i64) -> Timestamp {
    now.checked_add(SignedDuration::from_secs(seconds))
        .unwrap_or(Timestamp::MAX)
}
