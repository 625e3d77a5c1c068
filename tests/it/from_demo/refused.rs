//! What makes no sense with `--from demo` is said, and costs nothing.

use super::shardctl;

#[test]
fn what_leads_out_of_the_demos_cluster_is_a_usage_error() {
    for (line, words) in [
        (
            "--context prod verify --from demo",
            "--context has no meaning with --from demo",
        ),
        ("status --from demo --kubeconfig here", "--kubeconfig has no meaning"),
        ("status --from demo --as somebody", "--as has no meaning"),
        ("status --from demo --config here.toml", "--config has no meaning"),
        (
            "verify --from demo --dns system",
            "`system` (--dns) knows no name of the demo's cluster",
        ),
        ("verify --from demo --dns 10.0.0.10", "`10.0.0.10` (--dns)"),
        ("snapshot --from demo --dns 10.0.0.10:53", "`10.0.0.10:53` (--dns)"),
        (
            "packing-summary --from demo --refresh-prices",
            "--refresh-prices asks the network",
        ),
        ("verify --from demo --watch", "cannot be used with"),
        ("verify --from demo --wait 5s", "cannot be used with"),
        ("events --from demo -w", "cannot be used with"),
        ("packing-summary --from demo --watch", "cannot be used with"),
        ("route-test --from demo --probe-image busybox", "cannot be used with"),
        ("route-test --from cluster.json", "cluster.json (--from) can't be asked"),
        ("route-test --from ./demo", "./demo (--from) can't be asked"),
        ("upgrade --from demo", "--rehearse"),
        ("recover --from demo", "--rehearse"),
        ("-n elsewhere status --from demo", "elsewhere"),
        ("--statefulset db status --from demo", "db"),
    ] {
        let ran = shardctl(line);
        assert_eq!(ran.code, 2, "{line}: {}", ran.stderr);
        assert!(ran.stderr.contains(words), "{line}: {}", ran.stderr);
        assert_eq!(ran.stdout, "", "{line}");
    }
}

#[test]
fn a_file_that_is_called_demo_is_read_as_one_by_its_path() {
    let ran = shardctl("verify --from ./demo");
    assert_eq!(ran.code, 2);
    assert!(
        ran.stderr.contains("failed to read the snapshot ./demo"),
        "{}",
        ran.stderr
    );
    let help = shardctl("verify --help");
    assert!(help.stdout.contains("./demo"), "{}", help.stdout);
}

#[test]
fn what_is_configured_for_another_cluster_does_not_count() {
    let folder = tempfile::tempdir().expect("a folder");
    let written = "namespace = \"shop\"\nstatefulset = \"db\"\nexpect = 3\ncontext = \"prod\"\n";
    std::fs::write(folder.path().join("shardctl.toml"), written).expect("a file");
    let mut command = assert_cmd::Command::cargo_bin("shardctl").expect("the program");
    command
        .env_clear()
        .env("KUBECONFIG", "/nowhere/kubeconfig")
        .env("SHARDCTL_NAMESPACE", "shop")
        .env("HTTPS_PROXY", "http://127.0.0.1:9")
        .current_dir(folder.path())
        .args(["status", "--from", "demo"]);
    crate::bad_days::run(command).says(0, &["UP", "10"]);
}
