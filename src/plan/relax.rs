//! Opening a budget for exactly one eviction: which value does that, when it may be written, and how it is taken back.
//!
//! A budget over N shards that are all Ready lets one go when it keeps N−1. Nothing here ever writes a value that lets two go.

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use serde_json::{Value, json};

use super::eviction::{ASK_AGAIN, Again, Blocked, blockers, entries_in_force};
use super::undo::{Fate, mark_text, undo};
use super::verify::budget::value::kept;
use super::verify::seen::{Seen, Shard};
use super::verify::shield::{allowed, budget_name};
use crate::model::finding::{Finding, Severity};
use crate::model::mark::{MARK, Mark, annotation};
use crate::model::{pod, set};

/// Where annotations are in an object.
const ANNOTATIONS: &str = "/metadata/annotations";

/// What the budget lets happen, every shard being Ready.
#[derive(Clone, Debug, PartialEq)]
pub enum Room {
    /// An eviction needs nothing: there is no budget, or it lets one go as it is.
    Open,
    /// It lets none go, and this would let exactly one.
    Closed(Change),
}

/// The one change that opens a budget for one eviction.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// The budget's name.
    pub budget: String,
    /// The field of its spec: the one that it has.
    pub field: &'static str,
    /// What it is, with its type: `10`, `"100%"`.
    pub from: Value,
    /// What it becomes: always a number, since a percentage is rounded by how many shards there are at that moment.
    pub to: i32,
    /// How many shards it keeps then.
    pub keeps: i32,
}

impl Change {
    /// `minAvailable "100%" → 9`.
    pub fn words(&self) -> String {
        format!("{} {} → {}", self.field, self.from, self.to)
    }

    /// The changed field by its path, with `value`: a half of a mark.
    fn field(&self, value: Value) -> Value {
        json!({format!("spec.{}", self.field): value})
    }

    /// What the field was and is, as a mark says it.
    pub fn was_and_is(&self) -> (Value, Value) {
        (self.field(self.from.clone()), self.field(self.to.into()))
    }
}

/// What the budget over the shards lets happen, judged over an uncached look at every budget of the namespace and at every pod
/// that the budget selects.
///
/// # Errors
/// Why it must not be opened now, or ever.
pub fn room(seen: &Seen<'_>, target: &str, now: Timestamp) -> Result<Room, Box<Blocked>> {
    let blocked = |again: Again, object: String, message: String, evidence: Vec<String>| {
        let mut finding = Finding::new(Severity::Error, object, message);
        finding.evidence = evidence;
        Box::new(Blocked { finding, again })
    };
    let later = Again::After(ASK_AGAIN);
    let unseen = |_| {
        let message = "its budget can't be opened: shards or budgets can't be read".to_owned();
        blocked(later, format!("pod/{target}"), message, Vec::new())
    };
    let shards = seen.every_shard().map_err(unseen)?;
    let own = seen.own_pods().map_err(unseen)?;
    let uid = set::uid(seen.set().map_err(unseen)?);
    seen.snapshot.budgets.need().map_err(unseen)?;
    let budget = match over(seen, &own).as_slice() {
        [] => return Ok(Room::Open),
        [only] => *only,
        several => {
            let names: Vec<String> = several
                .iter()
                .map(|found| format!("pdb/{}", budget_name(found)))
                .collect();
            let message = format!(
                "{} select the shards: the eviction API refuses every eviction, now and later",
                names.join(" and ")
            );
            return Err(blocked(Again::Never, format!("pod/{target}"), message, Vec::new()));
        }
    };
    let object = format!("pdb/{}", budget_name(budget));
    let count = i32::try_from(shards.len()).unwrap_or(i32::MAX);

    if let Some(strangers) = strangers(seen, budget, uid, &shards) {
        return Err(blocked(Again::Never, object, strangers, Vec::new()));
    }
    let Some(keeps) = kept(budget, count) else {
        let message = "its value can't be understood".to_owned();
        return Err(blocked(Again::Never, object, message, Vec::new()));
    };
    let down = blockers(seen, Some(budget), now);
    if !down.is_empty() {
        let message = format!("it isn't opened: {}", down.join("; "));
        return Err(blocked(later, object, message, Vec::new()));
    }
    if keeps < count {
        return Ok(Room::Open);
    }
    if let Some(mark) = Mark::of(budget.metadata.annotations.as_ref()) {
        let whose = mark.map_or_else(
            |_| "a mark of shardctl's that this version can't read".to_owned(),
            |mark| format!("the mark of {}, run by {}", mark.operation, mark.by),
        );
        let mut found = blocked(
            Again::Never,
            object,
            format!("it can't be opened: it has {whose}"),
            Vec::new(),
        );
        found
            .finding
            .remedy("let that operation finish; if it was cut off:")
            .remedy(seen.shardctl("recover"));
        return Err(found);
    }
    unsettled(budget, count, now).map_or(Ok(()), |why| {
        Err(blocked(
            later,
            object,
            format!("it isn't opened yet: {why}"),
            Vec::new(),
        ))
    })?;
    Ok(Room::Closed(change(budget, count)))
}

/// Why the one budget over the shards can never be opened, as far as that is known before anything is touched.
pub fn unclear(seen: &Seen<'_>) -> Option<Finding> {
    let shards = seen.every_shard().ok()?;
    let own = seen.own_pods().ok()?;
    let uid = set::uid(seen.set().ok()?);
    let budgets = over(seen, &own);
    let [budget] = budgets.as_slice() else { return None };
    let count = i32::try_from(shards.len()).unwrap_or(i32::MAX);
    let message = strangers(seen, budget, uid, &shards).or_else(|| {
        kept(budget, count)
            .is_none()
            .then(|| "its value can't be understood".to_owned())
    })?;
    Some(Finding::new(
        Severity::Error,
        format!("pdb/{}", budget_name(budget)),
        message,
    ))
}

/// What a budget selects that is no shard, in words.
fn strangers(seen: &Seen<'_>, budget: &PodDisruptionBudget, uid: &str, shards: &[Shard<'_>]) -> Option<String> {
    let found: Vec<String> = (seen.snapshot.pods.got().into_iter().flatten())
        .filter(|found| selects(budget, found))
        .filter(|found| {
            !pod::is_controlled_by(found, uid) || !shards.iter().any(|shard| shard.name == pod::name(found))
        })
        .map(|found| format!("pod/{}", pod::name(found)))
        .collect();
    (!found.is_empty()).then(|| {
        format!(
            "its selector matches {} as well: how many shards it lets go can't be known",
            found.join(", ")
        )
    })
}

/// The budgets that select the shards: those to come, by the template's labels, and those that are there.
fn over<'a>(seen: &Seen<'a>, own: &[&Pod]) -> Vec<&'a PodDisruptionBudget> {
    let by_template: Vec<&str> = seen
        .budgets()
        .unwrap_or_default()
        .into_iter()
        .map(budget_name)
        .collect();
    let budgets = seen.snapshot.budgets.got().into_iter().flatten();
    budgets
        .filter(|budget| by_template.contains(&budget_name(budget)) || own.iter().any(|shard| selects(budget, shard)))
        .collect()
}

fn selects(budget: &PodDisruptionBudget, found: &Pod) -> bool {
    let selector = budget.spec.as_ref().and_then(|spec| spec.selector.as_ref());
    selector.is_some_and(|selector| set::selects(selector, found.metadata.labels.as_ref()))
}

/// What the budget's status doesn't say yet, though every shard is Ready.
fn unsettled(budget: &PodDisruptionBudget, count: i32, now: Timestamp) -> Option<String> {
    if allowed(budget).is_none() {
        return Some("its status is behind its spec (is the controller-manager at work?)".to_owned());
    }
    let status = budget.status.as_ref()?;
    let (counted, healthy) = (status.expected_pods.unwrap_or(0), status.current_healthy.unwrap_or(0));
    if counted != count {
        return Some(format!("it counts {counted} pods where there are {count} shards"));
    }
    if healthy != count {
        return Some(format!("it counts {healthy} healthy where {count} shards are Ready"));
    }
    // Of a pod that is Ready again it was named above; one whose name nobody has is as good as down.
    let (name, _, until) = entries_in_force(budget, now).into_iter().next()?;
    Some(format!(
        "it counts {name} as evicted until {}",
        until.strftime("%H:%M:%SZ")
    ))
}

/// The value that keeps all but one of `count` shards, in the field that the budget has.
fn change(budget: &PodDisruptionBudget, count: i32) -> Change {
    let spec = budget.spec.as_ref();
    let value = |value: &IntOrString| match value {
        IntOrString::Int(number) => json!(number),
        IntOrString::String(text) => json!(text),
    };
    let keeps = count - 1;
    let (field, from, to) = match spec.and_then(|spec| spec.max_unavailable.as_ref()) {
        Some(most) => ("maxUnavailable", value(most), 1),
        None => {
            let least = spec.and_then(|spec| spec.min_available.as_ref());
            ("minAvailable", least.map_or(Value::Null, value), keeps)
        }
    };
    Change {
        budget: budget_name(budget).to_owned(),
        field,
        from,
        to,
        keeps,
    }
}

/// The patch that opens the budget, with the mark that says how to close it. It holds only while the value is the one that was
/// judged, and nobody else's mark is there.
pub fn relax_patch(budget: &PodDisruptionBudget, change: &Change, mark: &str) -> Value {
    let (value, at) = (format!("/spec/{}", change.field), annotation(MARK));
    let mut patch = vec![json!({"op": "test", "path": value, "value": change.from})];
    if budget.metadata.annotations.is_none() {
        patch.push(json!({"op": "test", "path": ANNOTATIONS, "value": null}));
        patch.push(json!({"op": "add", "path": ANNOTATIONS, "value": {}}));
    }
    patch.push(json!({"op": "test", "path": at, "value": null}));
    patch.push(json!({"op": "add", "path": at, "value": mark}));
    patch.push(json!({"op": "replace", "path": value, "value": change.to}));
    Value::Array(patch)
}

/// How the budget is closed again.
#[derive(Clone, Debug, PartialEq)]
pub struct Restore {
    /// The patch: it tests mark and value, and names no resourceVersion, since the eviction itself changes that.
    pub patch: Value,
    /// What stays as it is, since somebody else has written it meanwhile: another value, or the one from before.
    pub theirs: Option<String>,
}

/// The patch that closes the budget, as it is; none where this mark isn't on it (any more). An empty annotations map that was
/// made for the mark stays, as the server itself drops it.
pub fn restore_patch(budget: &Value, mark: &str) -> Option<Restore> {
    if mark_text(budget) != Some(mark) {
        return None;
    }
    let undo = undo(budget)?.ok()?;
    let theirs = undo.fields.iter().filter(|field| field.fate != Fate::PutBack);
    let theirs: Vec<String> = theirs.map(|field| field.words()).collect();
    Some(Restore {
        theirs: (!theirs.is_empty()).then(|| theirs.join("; ")),
        patch: undo.patch,
    })
}

/// What it means that the mark is gone though this run hasn't taken it away, or that the value isn't what this run wrote.
pub fn taken_away(budget: &Value, change: &Change) -> Finding {
    let now = budget.pointer(&format!("/spec/{}", change.field));
    let mut finding = Finding::new(
        Severity::Warning,
        format!("pdb/{}", change.budget),
        "somebody else wrote it during an eviction",
    );
    let as_before = now == Some(&change.from);
    finding.evidence(match now {
        Some(value) if as_before => format!("{} is {value}, as it was before", change.field),
        Some(value) => format!("{} is {value}; before this run it was {}", change.field, change.from),
        None => format!(
            "it has no {} now; before this run that was {}",
            change.field, change.from
        ),
    });
    finding.remedy(if as_before {
        "GitOps (Argo CD, Flux, Helm) writes its manifest over live changes; nothing is left to undo"
    } else {
        "nothing was written over it; see who manages it, and set it as it should be"
    });
    finding
}

#[cfg(test)]
mod tests;
