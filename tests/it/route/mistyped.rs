//! What is mistyped is refused before any server is asked, with the flag and what to write instead.

use std::process::Command;

use crate::bad_days::{Ran, checked};

/// A route test far from any cluster, in a folder of its own.
#[track_caller]
fn tried(arguments: &[&str]) -> Ran {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("keys"), "a\n\u{1b}[2J\n").unwrap();
    std::fs::write(
        folder.path().join("snapshot.json"),
        "{\"apiVersion\":\"shardctl.dev/v1\",\"kind\":\"Snapshot\"}",
    )
    .unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_shardctl"))
        .args(arguments)
        .env_clear()
        .env("HOME", folder.path())
        .current_dir(folder.path())
        .output();
    checked(output.unwrap())
}

#[test]
fn each_argument_that_cant_be_followed_is_named() {
    for (arguments, words) in [
        (&["--query", "v=1"][..], &["the key is sent nowhere", "--header"][..]),
        (&["--path", "lookup"], &["`lookup` (--path) is no path"]),
        (&["--path", "/a?b={key}"], &["--query"]),
        (
            &["--header", "X-Shard-Key"],
            &["a --header has no colon", "NAME: VALUE"],
        ),
        (&["--header", "Host: a"], &["--host"]),
        (&["--method", "GE T"], &["(--method) is no method"]),
        (&["--url", "shop.example.com"], &["(--url) can't be asked", "http://"]),
        (&["--port", "0"], &["(--port) is no port"]),
        (&["--host", "a b"], &["(--host) is no host"]),
        (&["--keys", "0"], &["one key at least"]),
        (&["--key-file", "missing"], &["failed to read the keys from missing"]),
        (&["--key-file", "keys"], &["line 2 holds a control character"]),
        (&["--identity-json", "shard"], &["is no JSON pointer"]),
        (&["--identity-regex", "db-("], &["is no regular expression"]),
        (&["--timeout", "0"], &["leaves no time"]),
        (&["--timeout", "soon"], &["`soon`", "--timeout"]),
        (
            &["--ca", "missing.pem"],
            &["failed to read the certificates from missing.pem"],
        ),
        (
            &["--probe", "udp"],
            &["`udp` (--probe) is no way to ask a shard", "exec:COMMAND"],
        ),
        (&["--probe", "tcp", "--keys", "9"], &["--probe tcp asks about no key"]),
        (
            &["--probe", "exec:true", "--entry", "lb"],
            &["asks no entry", "leave out --entry"],
        ),
        (
            &["--probe-image", "curl"],
            &["isn't among the entries", "--entry lb,shards,in-cluster"],
        ),
        (&["--probe", "tcp", "--save", "x"], &["--probe tcp asks about no key"]),
        (
            &["--compare", "snapshot.json"],
            &["its kind is `Snapshot`", "route-test --save"],
        ),
        (&["--expect-status", "99"], &["--expect-status"]),
        (&["--ca", "a", "--insecure"], &["--insecure"]),
    ] {
        let ran = tried(&[&["route-test"], arguments].concat());
        ran.refused(2, words);
    }
}

#[test]
fn a_gate_is_read_before_anything_is_touched() {
    for (gate, words) in [
        ("route-test --pth /a", &["(--gate) is no route test", "--pth"][..]),
        ("route-test --path 'a", &["a quote isn't closed"]),
        ("route-test --keys 0", &["one key at least"]),
        ("route-tests", &["`route-tests` (--gate) is no gate", "route-test"]),
    ] {
        tried(&["upgrade", "--restart", "--gate", gate]).refused(2, words);
    }
}
