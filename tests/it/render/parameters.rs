//! Parameters: which are refused, with their names, and where they may be said.

use super::{documents, rendered, shardctl};
use serde_json::json;

/// A render that is refused as a mistake of the command line's, with these words.
#[track_caller]
fn refused(arguments: &[&str], words: &[&str]) {
    let home = tempfile::tempdir().expect("a temporary folder");
    let (code, stdout, stderr) = shardctl(home.path(), &[&["render"], arguments].concat());
    assert_eq!(code, Some(2), "{arguments:?}: {stderr}");
    assert_eq!(stdout, "", "nothing is printed of what can't be followed");
    for word in words {
        assert!(stderr.contains(word), "{arguments:?} lacks {word:?}: {stderr}");
    }
}

#[test]
fn a_parameter_that_cannot_be_followed_is_refused_with_its_name() {
    for (arguments, words) in [
        (["explore", "--shards", "0"], ["`shards` (--shards)", "at least"]),
        (["explore", "--shards", "-3"], ["`shards` (--shards)", "not a number"]),
        (["explore", "--memory", "32GB"], ["`memory` (--memory)", "32Gi"]),
        (["explore", "--cpu", "two"], ["`cpu` (--cpu)", "1500m"]),
        (["explore", "--storage", "0"], ["`storage` (--storage)", "100Gi"]),
        (["explore", "--port", "70000"], ["`port` (--port)", "1 to 65535"]),
        (["explore", "--probe", "ready"], ["`probe` (--probe)", "/ready"]),
        (["explore", "--name", "Biometric"], ["`name` (--name)", "small letters"]),
        (
            ["explore", "--namespace", "a_b"],
            ["`namespace` (--namespace)", "small letters"],
        ),
        (["explore", "--zones", "a,a"], ["`zones` (--zones)", "twice"]),
        (
            ["explore", "--priority", "2000000000"],
            ["`priority` (--priority)", "Kubernetes' own"],
        ),
        (
            ["stable", "--node-class", "default"],
            ["`node-class` (--node-class)", "GROUP/KIND/NAME"],
        ),
        (
            ["stable", "--size", "Standard_E4s_v5"],
            ["`size` (--size)", "7.2Gi of memory too little"],
        ),
        (
            ["explore", "--sizes", "Standard_E8s_v5,Standard_E4s_v5"],
            ["`sizes` (--sizes)", "Standard_E4s_v5 holds no shard"],
        ),
        (
            ["stable", "--size", "Standard_E16s_v51"],
            ["`size` (--size)", "did you mean Standard_E16s_v5"],
        ),
        (
            ["stable", "--catalog", "nowhere.csv"],
            ["nowhere.csv", "failed to read"],
        ),
        (["prod", "--shards", "3"], ["prod", "explore"]),
    ] {
        refused(&arguments, &words);
    }
    refused(&[], &["PHASE"]);
}

#[test]
fn the_file_gives_parameters_and_is_named_when_one_is_wrong() {
    let home = tempfile::tempdir().expect("a temporary folder");
    let write = |text: &str| std::fs::write(home.path().join("shardctl.toml"), text).expect("write shardctl.toml");
    write("name = \"db\"\nshards = 3\ncpu = 4\nzones = [\"a\", \"b\"]\nport = 6379\nprobe = \"tcp\"\n");
    let (code, stdout, stderr) = shardctl(home.path(), &["render", "stable", "--shards", "4"]);
    assert_eq!(code, Some(0), "{stderr}");
    let all = documents(&stdout);
    let set = &all[&("StatefulSet".to_owned(), "db-shard".to_owned())];
    assert_eq!(set["metadata"]["namespace"], "db-shards");
    assert_eq!(set["spec"]["replicas"], 4, "the flag wins over the file");
    let container = &set["spec"]["template"]["spec"]["containers"][0];
    assert_eq!(container["name"], "db-app");
    assert_eq!(container["resources"]["limits"]["cpu"], "4");
    assert_eq!(container["readinessProbe"]["tcpSocket"], json!({"port": "http"}));
    assert_eq!(container["ports"][0]["containerPort"], 6379);
    let pool = &all[&("NodePool".to_owned(), "db-stable".to_owned())];
    let zones = pool["spec"]["template"]["spec"]["requirements"]
        .as_array()
        .expect("requirements")
        .last();
    assert_eq!(zones.expect("one")["values"], json!(["a", "b"]));

    write("memory = \"32GB\"\n");
    let (code, _, stderr) = shardctl(home.path(), &["render", "stable"]);
    assert_eq!(code, Some(2));
    assert!(
        stderr.contains("`memory`") && stderr.contains("shardctl.toml") && stderr.contains("32Gi"),
        "{stderr}"
    );
}

#[test]
fn every_key_of_the_workload_is_a_flag_and_every_flag_a_key() {
    let home = tempfile::tempdir().expect("a temporary folder");
    let (_, help, _) = shardctl(home.path(), &["render", "--help"]);
    let (_, shown, _) = shardctl(home.path(), &["config", "show"]);
    let of_the_workload = help.split("The workload").nth(1).expect("their heading");
    let of_the_workload = of_the_workload.split("Which cluster").next().expect("their end");
    let flags = of_the_workload
        .split_whitespace()
        .filter_map(|word| word.strip_prefix("--"));
    let flags: Vec<&str> = flags
        .filter(|flag| flag.chars().all(|c| c.is_ascii_lowercase() || c == '-'))
        .collect();
    assert!(flags.len() >= 15, "{flags:?}");
    for flag in flags {
        assert!(shown.contains(&format!("# {flag}: ")), "--{flag} is no key:\n{shown}");
    }
}

#[test]
fn what_nobody_says_is_the_reference_workload() {
    let all = documents(&rendered(&["explore"]));
    let names: Vec<String> = all.keys().map(|(kind, name)| format!("{kind}/{name}")).collect();
    assert_eq!(
        names,
        [
            "AKSNodeClass/biometric-explore",
            "Namespace/biometric-shards",
            "NodePool/biometric-explore",
            "PodDisruptionBudget/biometric-shard-pdb",
            "PriorityClass/biometric-shard",
            "Service/biometric-lb",
            "Service/biometric-shards",
            "StatefulSet/biometric-shard",
        ]
    );
}
