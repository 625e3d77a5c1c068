//! `shardctl render`: what it refuses, what it writes, and what a real cluster makes of it.

mod applied;
mod files;
pub mod ground;
mod parameters;

use crate::cluster::binaries::kubectl;
use serde_json::Value;
use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

/// `shardctl ARGUMENTS` in a folder of its own, without a cluster: code, stdout, stderr.
fn shardctl(home: &Path, arguments: &[&str]) -> (Option<i32>, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_shardctl"))
        .args(arguments)
        .env_clear()
        .env("HOME", home)
        .env("NO_COLOR", "1")
        .current_dir(home)
        .output()
        .expect("start shardctl");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
    (output.status.code(), text(output.stdout), text(output.stderr))
}

/// What a render prints.
#[track_caller]
pub fn rendered(arguments: &[&str]) -> String {
    let home = tempfile::tempdir().expect("a temporary folder");
    let (code, stdout, stderr) = shardctl(home.path(), &[&["render"], arguments].concat());
    assert_eq!(code, Some(0), "{stderr}");
    stdout
}

/// The documents of a YAML text, by kind and name.
#[track_caller]
pub fn documents(text: &str) -> BTreeMap<(String, String), Value> {
    let all: Vec<Value> = serde_saphyr::from_multiple(text).expect("YAML");
    let key = |of: &Value, at: &str| of.pointer(at).and_then(Value::as_str).unwrap_or_default().to_owned();
    let count = all.len();
    let by_name: BTreeMap<_, _> = all
        .into_iter()
        .map(|of| ((key(&of, "/kind"), key(&of, "/metadata/name")), of))
        .collect();
    assert_eq!(by_name.len(), count, "two documents of one name:\n{text}");
    by_name
}

/// What kubectl prints; fails with its words when it fails.
#[track_caller]
pub fn kubectl_says(arguments: &[&str], input: &str) -> String {
    let home = tempfile::tempdir().expect("a temporary folder");
    let mut child = Command::new(kubectl())
        .args(arguments)
        .env("HOME", home.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("start kubectl");
    let mut stdin = child.stdin.take().expect("a pipe to stdin");
    stdin.write_all(input.as_bytes()).expect("write to kubectl");
    drop(stdin);
    let output = child.wait_with_output().expect("wait for kubectl");
    let words = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "kubectl {arguments:?}: {words}");
    String::from_utf8(output.stdout).expect("UTF-8")
}
