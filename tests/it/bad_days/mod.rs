//! Bad days: whatever goes wrong, shardctl says it in a sentence that names the object and the next step, ends with the
//! documented exit code, and lets no control character of anybody else through to the terminal.

mod access;
mod again;
mod configuration;
mod counts;
mod files;
mod names;
mod network;
mod words;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use serde_json::Value;

use crate::cluster::Scene;

/// What a run of shardctl said and ended with.
pub struct Ran {
    /// The exit code.
    pub code: i32,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

/// Three healthy shards for tests that only read; gone with the last test that uses them.
pub fn shards() -> Arc<Scene<'static>> {
    static SHARDS: Mutex<Weak<Scene<'static>>> = Mutex::new(Weak::new());
    let mut shared = SHARDS.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(scene) = shared.upgrade() {
        return scene;
    }
    let scene = Arc::new(Scene::shards(3).start());
    *shared = Arc::downgrade(&scene);
    scene
}

/// Runs a command to its end and holds what it prints to what holds for every command.
#[track_caller]
pub fn run(mut command: assert_cmd::Command) -> Ran {
    checked(command.output().expect("shardctl runs"))
}

/// A finished process, held to what holds for every command: no panic, no Rust debug output, no raw control character.
#[track_caller]
pub fn checked(output: std::process::Output) -> Ran {
    let ran = Ran {
        code: output.status.code().expect("an end by itself, not by a signal"),
        stdout: String::from_utf8(output.stdout).expect("UTF-8 on standard output"),
        stderr: String::from_utf8(output.stderr).expect("UTF-8 on standard error"),
    };
    for text in [&ran.stdout, &ran.stderr] {
        assert_harmless(text);
    }
    for traitor in [
        "panicked",
        "RUST_BACKTRACE",
        "Some(",
        "None)",
        "Err(",
        "Error {",
        "PathBuf",
        "failed to failed",
    ] {
        assert!(!ran.stderr.contains(traitor), "{traitor:?} in: {}", ran.stderr);
    }
    ran
}

/// No character that a terminal obeys, or that changes the order of reading, other than the end of a line.
#[track_caller]
pub fn assert_harmless(text: &str) {
    let harmful = |c: char| {
        (c.is_control() && c != '\n')
            || matches!(c, '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
    };
    if let Some(at) = text.find(harmful) {
        let around: String = text[..at]
            .chars()
            .rev()
            .take(60)
            .collect::<Vec<_>>()
            .into_iter()
            .rev()
            .collect();
        panic!("{:?} after {around:?}", text[at..].chars().next());
    }
}

impl Ran {
    /// Asserts the exit code, that standard output stayed empty, and that standard error is an error with these words.
    #[track_caller]
    pub fn refused(&self, code: i32, words: &[&str]) {
        self.says(code, words);
        assert_eq!(self.stdout, "", "nothing was judged, so nothing is printed");
        assert!(self.stderr.starts_with("error: "), "{}", self.stderr);
    }

    /// Asserts the exit code and that these words stand on standard output or error.
    #[track_caller]
    pub fn says(&self, code: i32, words: &[&str]) {
        let both = format!("{}{}", self.stdout, self.stderr);
        assert_eq!(self.code, code, "the exit code of: {both}");
        for word in words {
            assert!(both.contains(word), "{word:?} isn't in: {both}");
        }
    }
}

/// The scene's kubeconfig, changed, in a file of its own.
pub fn kubeconfig(scene: &Scene<'_>, name: &str, change: impl FnOnce(&mut Value)) -> PathBuf {
    let text = std::fs::read_to_string(scene.kubeconfig()).expect("the scene's kubeconfig");
    let mut config: Value = serde_json::from_str(&text).expect("a kubeconfig in JSON");
    change(&mut config);
    // YAML refuses some of the characters that JSON allows unescaped.
    write(scene, name, &shardctl::report::json::escaped(&config.to_string()))
}

/// A file in the scene's own folder.
pub fn write(scene: &Scene<'_>, name: &str, text: &str) -> PathBuf {
    let path = scene.home().join(name);
    std::fs::write(&path, text).expect("write a file of the test");
    path
}

/// A folder of a test's own under the scene's.
pub fn folder(scene: &Scene<'_>, name: &str) -> PathBuf {
    let path = scene.home().join(name);
    std::fs::create_dir_all(&path).expect("make a folder of the test");
    path
}

/// shardctl as a process that can be read from, and interrupted, while it runs.
pub fn started(scene: &Scene<'_>, kubeconfig: &Path, arguments: &[&str]) -> std::process::Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_shardctl"));
    command
        .env_clear()
        .env("HOME", scene.home())
        .env("KUBECONFIG", kubeconfig)
        .env("NO_COLOR", "1");
    command.current_dir(scene.home()).args(arguments);
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command.spawn().expect("shardctl starts")
}

/// Ctrl-C.
pub fn interrupt(child: &std::process::Child) {
    let pid = child.id().to_string();
    assert!(
        Command::new("kill")
            .args(["-INT", &pid])
            .status()
            .expect("kill runs")
            .success()
    );
}
