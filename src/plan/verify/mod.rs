//! The checks of `shardctl verify`: each one const description and one pure function over what was seen.
//!
//! A new check is a `const` [`Check`] in the file of its category and a line in [`CHECKS`]; its line in the report,
//! `shardctl explain` and docs/checks.md come from the description. A check says [`Skip`] when it
//! can't judge, through `?` on what couldn't be read; it never passes on what it didn't see.

pub mod access;
pub mod budget;
pub mod data;
pub mod karpenter;
pub mod known;
pub mod nodes;
pub mod pods;
pub mod policy;
pub mod residue;
pub mod roster;
pub mod seen;
pub mod service;
pub mod shard;
pub mod shield;
pub mod statefulset;
pub mod storage;
#[cfg(test)]
pub mod testing;
#[cfg(test)]
mod tests;
pub mod threats;
pub mod warnings;

use crate::model::check::{Description, Judged, Outcome};
use crate::model::finding::{Severity, Verdict};
use crate::model::read::Skip;
use crate::model::report::Report;
use crate::model::resource::Resource;
use crate::model::snapshot::Snapshot;
use policy::Policy;
use seen::Seen;

/// A check: what it is about, and how it is judged.
pub struct Check {
    /// What it is about.
    pub about: Description,
    /// The judgement: a verdict, or why there is none.
    pub judge: fn(&Seen<'_>) -> Result<Verdict, Skip>,
}

/// Every check, in the order of the report.
pub const CHECKS: &[&Check] = &[
    &access::API_01,
    &access::API_02,
    &access::API_03,
    &statefulset::STS_01,
    &statefulset::STS_02,
    &statefulset::STS_03,
    &statefulset::STS_04,
    &statefulset::STS_05,
    &statefulset::STS_06,
    &pods::POD_01,
    &pods::POD_02,
    &pods::POD_03,
    &pods::POD_04,
    &pods::POD_05,
    &pods::POD_06,
    &pods::POD_07,
    &pods::POD_08,
    &nodes::NODE_01,
    &nodes::NODE_02,
    &karpenter::claims::NODE_03,
    &nodes::NODE_04,
    &karpenter::KARP_00,
    &karpenter::consolidation::KARP_01,
    &karpenter::lifetime::KARP_02,
    &karpenter::lifetime::KARP_03,
    &karpenter::consolidation::KARP_04,
    &storage::claims::PVC_01,
    &storage::volumes::PV_01,
    &storage::volumes::PV_02,
    &storage::claims::SC_01,
    &storage::attachments::VA_01,
    &service::governing::SVC_01,
    &service::endpoints::EPS_01,
    &service::dns::DNS_01,
    &service::dns::DNS_02,
    &service::shard_names::DNS_03,
    &service::shard_names::DNS_04,
    &service::balancer::LB_01,
    &service::balancer::LB_02,
    &budget::PDB_01,
    &budget::value::PDB_02,
    &budget::status::PDB_03,
    &budget::trial::PDB_04,
    &warnings::EVT_01,
    &residue::RES_01,
    &threats::THR_01,
    &data::DATA_01,
];

/// The check with this id, in any case of letters.
pub fn find(id: &str) -> Option<&'static Check> {
    CHECKS
        .iter()
        .copied()
        .find(|check| check.about.id.eq_ignore_ascii_case(id))
}

/// Judges a snapshot by every check.
pub fn judge(snapshot: &Snapshot, policy: &Policy) -> Report {
    let seen = Seen::of(snapshot, policy);
    let checks = CHECKS.iter().map(|check| judge_one(check, &seen)).collect();
    Report::conclude(snapshot.taken.clone(), seen.expected().ok(), seen.phase().ok(), checks)
}

fn judge_one(check: &'static Check, seen: &Seen<'_>) -> Judged {
    let about = &check.about;
    if !seen.policy.wants(about.id) {
        return Judged {
            about,
            outcome: Outcome::Skipped,
            seen: String::new(),
            findings: Vec::new(),
        };
    }
    let (outcome, verdict) = match with_shards(about, seen, (check.judge)(seen)) {
        Ok(verdict) => {
            let failed = verdict
                .findings
                .iter()
                .any(|finding| finding.severity == Severity::Error);
            let outcome = if failed {
                Outcome::Fail
            } else if verdict.unsure.is_empty() {
                Outcome::Pass
            } else {
                Outcome::Unknown {
                    why: verdict.unsure.join("; "),
                }
            };
            (outcome, verdict)
        }
        Err(Skip::Unknown(why)) => (Outcome::Unknown { why }, Verdict::default()),
        Err(Skip::NotApplicable(why)) => (Outcome::NotApplicable { why }, Verdict::default()),
    };
    let mut findings = verdict.findings;
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    Judged {
        about,
        outcome,
        seen: verdict.seen,
        findings,
    }
}

/// The judgement, where there is a set that is to have shards. Without a set whatever doesn't apply leaves it to STS-01 to say so;
/// of a set of no shards everything holds that is asked of each shard, which is STS-02's to say.
fn with_shards(about: &Description, seen: &Seen<'_>, judged: Result<Verdict, Skip>) -> Result<Verdict, Skip> {
    let fails = |verdict: &Verdict| {
        let mut findings = verdict.findings.iter();
        findings.any(|finding| finding.severity == Severity::Error)
    };
    match (&judged, seen.expected()) {
        (Err(Skip::NotApplicable(_)), Err(Skip::NotApplicable(why))) => Err(seen.nothing_without("STS-01", why)),
        (Ok(verdict), Ok(expected))
            if expected.shards < 1
                && about.reads.contains(&Resource::Pods)
                && !fails(verdict)
                && !seen.policy.wants("STS-02") =>
        {
            Err(seen.nothing_without("STS-02", format!("there are to be no shards ({})", expected.origin)))
        }
        _ => judged,
    }
}
