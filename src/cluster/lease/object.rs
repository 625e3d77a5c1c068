//! The Lease as an object: what we write into it, and what it says of its holder.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta, OwnerReference};

use super::{Holder, Wanted, name};
use crate::model::mark::RUN;

/// How long a Lease is held where it doesn't say.
const DEFAULT_SECONDS: i32 = 30;

impl Holder {
    /// Whoever holds the Lease; nobody where no name is written.
    pub(super) fn of(lease: &Lease) -> Option<Holder> {
        let spec = lease.spec.as_ref()?;
        let identity = spec.holder_identity.clone().filter(|holder| !holder.is_empty())?;
        Some(Holder {
            identity,
            run: lease
                .metadata
                .annotations
                .as_ref()
                .and_then(|all| all.get(RUN))
                .cloned(),
            acquired: spec.acquire_time.as_ref().map(|time| time.0),
            renewed: spec.renew_time.as_ref().map(|time| time.0),
            duration_seconds: spec
                .lease_duration_seconds
                .filter(|seconds| *seconds > 0)
                .unwrap_or(DEFAULT_SECONDS),
            resource_version: lease.metadata.resource_version.clone().unwrap_or_default(),
        })
    }

    /// How long it is held without being renewed.
    pub(super) fn length(&self) -> Duration {
        Duration::from_secs(u64::try_from(self.duration_seconds).unwrap_or_default())
    }

    /// Whether nothing was renewed or taken between the two.
    pub(super) fn has_the_term_of(&self, before: &Holder) -> bool {
        self.identity == before.identity && self.acquired == before.acquired && self.renewed == before.renewed
    }
}

/// The Lease with us as its holder, in place of `previous`.
pub(super) fn taken(wanted: &Wanted<'_>, previous: Option<&Lease>, now: Timestamp) -> Lease {
    let mut metadata = previous.map_or_else(
        || ObjectMeta {
            name: Some(name(wanted.set)),
            namespace: Some(wanted.namespace.to_owned()),
            ..ObjectMeta::default()
        },
        |lease| lease.metadata.clone(),
    );
    metadata.managed_fields = None;
    metadata
        .labels
        .get_or_insert_with(BTreeMap::new)
        .insert("app.kubernetes.io/managed-by".to_owned(), "shardctl".to_owned());
    metadata
        .annotations
        .get_or_insert_with(BTreeMap::new)
        .insert(RUN.to_owned(), wanted.run.to_owned());
    // Garbage collection takes the Lease away with the set.
    let owner = OwnerReference {
        api_version: "apps/v1".to_owned(),
        kind: "StatefulSet".to_owned(),
        name: wanted.set.to_owned(),
        uid: wanted.set_uid.to_owned(),
        controller: Some(false),
        block_owner_deletion: None,
    };
    metadata.owner_references = (!wanted.set_uid.is_empty()).then(|| vec![owner]);
    let before = previous.and_then(|lease| lease.spec.as_ref());
    let transitions = before.map(|spec| spec.lease_transitions.unwrap_or(0).saturating_add(1));
    let now = MicroTime(whole_microseconds(now));
    Lease {
        metadata,
        spec: Some(LeaseSpec {
            holder_identity: Some(wanted.holder.to_owned()),
            lease_duration_seconds: Some(i32::try_from(wanted.duration.as_secs()).unwrap_or(i32::MAX).max(1)),
            acquire_time: Some(now.clone()),
            renew_time: Some(now),
            lease_transitions: Some(transitions.unwrap_or(0)),
            ..LeaseSpec::default()
        }),
    }
}

/// The Lease renewed. The time written always differs from the last one: a write that changes nothing makes no new version,
/// and whoever watches us would see no life.
pub(super) fn renewed(last: &Lease, now: Timestamp) -> Lease {
    let mut lease = last.clone();
    lease.metadata.managed_fields = None;
    let spec = lease.spec.get_or_insert_with(LeaseSpec::default);
    let now = whole_microseconds(now);
    let later = spec
        .renew_time
        .as_ref()
        .and_then(|last| last.0.checked_add(SignedDuration::from_micros(1)).ok());
    spec.renew_time = Some(MicroTime(later.map_or(now, |later| later.max(now))));
    lease
}

/// Whether both are the same run's same term, whoever changed anything else since. A Lease that was sent to be created has no uid
/// yet. The holder and the time alone don't tell: two runs on one machine may begin at one moment.
pub(super) fn same_term(one: &Lease, other: &Lease) -> bool {
    let run = |lease: &Lease| lease.metadata.annotations.as_ref()?.get(RUN).cloned();
    let same_object = match (&one.metadata.uid, &other.metadata.uid) {
        (Some(one), Some(other)) => one == other,
        _ => true,
    };
    let same_run = run(one) == run(other);
    let (Some(one), Some(other)) = (&one.spec, &other.spec) else {
        return false;
    };
    same_object
        && same_run
        && one.holder_identity == other.holder_identity
        && one.acquire_time == other.acquire_time
        && one.lease_transitions == other.lease_transitions
}

/// A Lease keeps no smaller parts.
fn whole_microseconds(time: Timestamp) -> Timestamp {
    Timestamp::from_microsecond(time.as_microsecond()).unwrap_or(time)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_runs_of_one_machine_that_begin_at_one_moment_have_two_terms() {
        let of = |run| {
            let wanted = Wanted {
                namespace: "shards",
                set: "shard",
                set_uid: "u",
                holder: "me",
                run,
                duration: Duration::from_secs(30),
            };
            taken(&wanted, None, Timestamp::UNIX_EPOCH)
        };
        assert!(same_term(
            &of("upgrade/1"),
            &renewed(&of("upgrade/1"), Timestamp::UNIX_EPOCH)
        ));
        assert!(!same_term(&of("upgrade/1"), &of("recover/1")));
    }
}
