//! `--from demo`: every command that only reads, with no home, no kubeconfig and no network.

mod refused;
mod rehearsed;

use clap::CommandFactory as _;
use serde_json::Value;
use shardctl::cli::Cli;

use crate::bad_days::{Ran, run};

/// Every command that takes `--from`, as words; `route-test` and rehearsals among them.
const READING: [&str; 12] = [
    "verify",
    "status",
    "events",
    "route-test",
    "packing-summary",
    "snapshot",
    "upgrade",
    "upgrade status",
    "upgrade undo",
    "drain",
    "recover",
    "promote",
];

/// shardctl where nothing is configured, in a folder of its own.
fn shardctl(line: &str) -> Ran {
    let folder = tempfile::tempdir().expect("a folder");
    let mut command = assert_cmd::Command::cargo_bin("shardctl").expect("the program");
    command.env_clear().current_dir(folder.path()).args(line.split(' '));
    run(command)
}

/// The JSON that a command prints, of this kind.
#[track_caller]
fn json(line: &str, code: i32, kind: &str) -> Value {
    let ran = shardctl(&format!("{line} -o json"));
    assert_eq!(ran.code, code, "{line}: {}", ran.stderr);
    let document: Value = serde_json::from_str(&ran.stdout).unwrap_or_else(|error| panic!("{error}: {}", ran.stdout));
    assert_eq!(document["kind"], kind, "{line}");
    document
}

#[test]
fn every_command_that_takes_it_is_tried_here() {
    let mut found = Vec::new();
    takes_from(&Cli::command(), "", &mut found);
    found.sort();
    let mut tried = READING.map(str::to_owned).to_vec();
    tried.sort();
    assert_eq!(found, tried);
}

fn takes_from(command: &clap::Command, before: &str, found: &mut Vec<String>) {
    for command in command.get_subcommands() {
        let name = format!("{before}{}", command.get_name());
        if command.get_arguments().any(|argument| argument.get_id() == "from") {
            found.push(name.clone());
        }
        takes_from(command, &format!("{name} "), found);
    }
}

#[test]
fn verify_judges_the_demos_cluster_and_asks_its_name_servers() {
    let page = shardctl("verify --from demo");
    page.says(0, &["biometric-shard"]);
    let document = json("verify --from demo", 0, "VerifyReport");
    let outcome = |id: &str| {
        let checks = document["checks"].as_array().expect("checks").iter();
        let check = checks.clone().find(|check| check["id"] == id);
        check.unwrap_or_else(|| panic!("no {id}: {document}"))["status"].clone()
    };
    assert_eq!(outcome("POD-01"), "pass");
    assert_eq!(outcome("DNS-02"), "pass");
}

#[test]
fn status_is_up_in_one_line() {
    let line = shardctl("status --from demo");
    line.says(0, &["UP", "10"]);
    assert_eq!(line.stdout.lines().count(), 1);
    assert_eq!(json("status --from demo", 0, "Status")["state"], "UP");
}

#[test]
fn events_tell_how_the_workload_came_up() {
    let page = shardctl("events 3 --from demo");
    page.says(0, &["biometric-shard-3", "SuccessfulAttachVolume"]);
    let lines = shardctl("events --from demo -o json");
    assert_eq!(lines.code, 0, "{}", lines.stderr);
    let happenings: Vec<Value> = lines
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).expect("a line of JSON"))
        .collect();
    assert!(happenings.iter().all(|told| told["kind"] == "Happening"));
    for ordinal in 0..10 {
        let shard = format!("biometric-shard-{ordinal}");
        assert!(
            happenings.iter().any(|told| told.to_string().contains(&shard)),
            "{shard}"
        );
    }
}

#[test]
fn route_test_finds_every_key_on_its_shard_from_every_entry() {
    let document = json("route-test --from demo", 0, "RouteTest");
    let entries = document["entries"].as_array().expect("entries");
    assert_eq!(entries.len(), 11, "the load balancer and ten shards");
    assert!(entries.iter().all(|entry| entry["answered"] == entry["requests"]));
    assert_eq!(document["verdicts"]["stable"], 200);
    assert_eq!(document["unknown"], serde_json::json!([]));
}

#[test]
fn route_test_saves_owners_and_finds_them_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let owners = folder.path().join("owners.json");
    let owners = owners.to_str().expect("UTF-8");
    let saved = shardctl(&format!("route-test --keys 30 --rounds 1 --from demo --save {owners}"));
    saved.says(0, &["lb", "biometric-shard-9"]);
    let document = json(
        &format!("route-test --rounds 1 --from demo --compare {owners}"),
        0,
        "RouteTest",
    );
    assert_eq!(document["comparison"]["compared"], 30);
    assert_eq!(document["comparison"]["moved"], serde_json::json!([]));
}

#[test]
fn packing_summary_tells_what_the_demos_machines_cost() {
    shardctl("packing-summary --from demo").says(0, &["Standard_E16s_v5", "eastus"]);
    let document = json("packing-summary --from demo", 0, "PackingSummary");
    let nodes = document["present"]["nodes"].as_array().expect("nodes");
    assert!(
        nodes.iter().any(|node| node["size"] == "Standard_E16s_v5"),
        "{document}"
    );
    assert_eq!(document["present"]["withoutNode"], serde_json::json!([]));
}

#[test]
fn a_snapshot_of_the_demo_is_one_that_the_same_commands_read() {
    let folder = tempfile::tempdir().expect("a folder");
    let outcomes = |document: &Value| -> Vec<(Value, Value)> {
        let checks = document["checks"].as_array().expect("checks").iter();
        checks
            .map(|check| (check["id"].clone(), check["status"].clone()))
            .collect()
    };
    let live = outcomes(&json("verify --from demo", 0, "VerifyReport"));
    // A file of that name is said with its folder.
    for (options, file) in [("", "demo"), ("--redact ", "redacted.json")] {
        let path = folder.path().join(file);
        let taken = shardctl(&format!("snapshot {options}--from demo --out {}", path.display()));
        assert_eq!(taken.code, 0, "{}", taken.stderr);
        let mut read = assert_cmd::Command::cargo_bin("shardctl").expect("the program");
        read.env_clear()
            .current_dir(folder.path())
            .args(["verify", "-o", "json", "--from", &format!("./{file}")]);
        let saved: Value = serde_json::from_str(&run(read).stdout).expect("JSON");
        assert_eq!(live, outcomes(&saved), "{file}");
    }
}

#[test]
fn upgrade_status_finds_every_shard_on_the_template() {
    shardctl("upgrade status --from demo").says(0, &["biometric-shard"]);
    json("upgrade status --from demo", 0, "UpgradeStatus");
}

#[test]
fn the_same_command_prints_the_same_bytes() {
    let line = "snapshot --from demo";
    assert_eq!(shardctl(line).stdout, shardctl(line).stdout);
}
