//! `shardctl verify` on the real control plane: healthy is healthy, and each check sees what it is there for and nothing else.

mod access;
mod budget;
mod dns;
mod dns_inside;
mod edited;
mod healthy;
mod karpenter;
pub mod name_server;
mod nodes;
mod pods;
mod residue;
mod service;
mod statefulset;
mod storage;
mod threats;
mod warnings;

use std::collections::BTreeSet;

use serde_json::Value;

use crate::cluster::Scene;

/// What a run of `verify -o json` said.
pub struct Verified {
    /// The exit code.
    pub code: i32,
    /// The report.
    pub report: Value,
}

impl Verified {
    /// The ids of the checks with this status.
    pub fn with_status(&self, status: &str) -> BTreeSet<String> {
        self.ids(|check| check["status"] == status)
    }

    /// The ids of the checks that made a finding of this severity.
    pub fn with_finding(&self, severity: &str) -> BTreeSet<String> {
        self.ids(|check| {
            let findings = check["findings"].as_array().map(Vec::as_slice).unwrap_or_default();
            findings.iter().any(|finding| finding["severity"] == severity)
        })
    }

    /// The check with this id.
    pub fn check(&self, id: &str) -> &Value {
        let checks = self.report["checks"].as_array().expect("checks");
        checks
            .iter()
            .find(|check| check["id"] == id)
            .unwrap_or_else(|| panic!("{id} is not in the report"))
    }

    /// All words of a check's findings, for looking for one.
    pub fn words(&self, id: &str) -> String {
        self.check(id).to_string()
    }

    fn ids(&self, wanted: impl Fn(&Value) -> bool) -> BTreeSet<String> {
        let checks = self.report["checks"].as_array().expect("checks");
        let found = checks.iter().filter(|check| wanted(check));
        found
            .map(|check| check["id"].as_str().expect("an id").to_owned())
            .collect()
    }

    /// Asserts that exactly these checks fail, exactly these warn, and exactly these are unknown.
    #[track_caller]
    pub fn assert_only(&self, failed: &[&str], warned: &[&str], unknown: &[&str]) {
        let set = |ids: &[&str]| ids.iter().map(|id| (*id).to_owned()).collect::<BTreeSet<_>>();
        let found = (
            self.with_status("fail"),
            self.with_finding("warning"),
            self.with_status("unknown"),
        );
        assert_eq!(
            found,
            (set(failed), set(warned), set(unknown)),
            "(failed, warned, unknown) found against expected; the report: {:#}",
            self.report
        );
        let saw_nothing = self.with_status("pass").is_empty() && !unknown.is_empty();
        let code = match (
            failed.is_empty(),
            saw_nothing || unknown.iter().any(|id| self.check(id)["severity"] == "error"),
        ) {
            (false, _) => 1,
            (true, true) => 7,
            (true, false) => 0,
        };
        assert_eq!(self.code, code, "exit code");
    }
}

/// Runs `verify -o json` on a scene with further arguments.
#[track_caller]
pub fn verify(scene: &Scene, arguments: &[&str]) -> Verified {
    let command = [&["verify", "-o", "json"], arguments].concat();
    let output = scene.shardctl(command).output().expect("shardctl runs");
    let stdout = String::from_utf8(output.stdout).expect("UTF-8");
    let report = serde_json::from_str(&stdout)
        .unwrap_or_else(|error| panic!("{error}: {stdout}\n{}", String::from_utf8_lossy(&output.stderr)));
    Verified {
        code: output.status.code().expect("an exit code"),
        report,
    }
}

/// Asserts that breaking something makes `id` fail, with the consequences that its description declares possible and no
/// others: exactly `also` fail with it, and each of those is among what `id` entails.
#[track_caller]
pub fn assert_fails(seen: &Verified, id: &str, also: &[&str], warned: &[&str], unknown: &[&str]) {
    let entailed = shardctl::plan::verify::find(id).expect("a check").about.entails;
    for consequence in also.iter().chain(warned).chain(unknown) {
        assert!(
            *consequence == id || entailed.contains(consequence),
            "{id} doesn't declare that it entails {consequence}"
        );
    }
    let failed: Vec<&str> = std::iter::once(id).chain(also.iter().copied()).collect();
    seen.assert_only(&failed, warned, unknown);
}
