//! `shardctl deploy` on a real control plane with Karpenter: what it writes, what it refuses, and that it can be run again.

mod goes_on;
mod refused;

use crate::render::ground::Ground;
use std::path::Path;

/// How a command ended.
pub struct Ran {
    /// The exit code.
    pub code: Option<i32>,
    /// All of it.
    pub stdout: String,
    /// All of it.
    pub stderr: String,
}

impl Ran {
    /// It ended with this code, and said these words.
    #[track_caller]
    pub fn is(&self, code: i32, words: &[&str]) -> &Self {
        let said = format!("{}{}", self.stdout, self.stderr);
        assert_eq!(self.code, Some(code), "{said}");
        // Lines are wrapped: what is said is what counts.
        let flat = said.split_whitespace().collect::<Vec<_>>().join(" ");
        for word in words {
            assert!(flat.contains(word), "lacks {word:?}: {said}");
        }
        self
    }
}

/// `deploy PHASE` of a workload of three shards with this ground's names, and `more`.
#[track_caller]
pub fn deploy(ground: &Ground, kubeconfig: &Path, phase: &str, more: &[&str]) -> Ran {
    ran(ground, kubeconfig, &words(ground, phase, more))
}

/// `shardctl` with these arguments.
#[track_caller]
pub fn ran(ground: &Ground, kubeconfig: &Path, arguments: &[String]) -> Ran {
    let output = ground
        .scene
        .shardctl_with(kubeconfig, arguments.iter().map(String::as_str))
        .output()
        .expect("deploy");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
    Ran {
        code: output.status.code(),
        stdout: text(output.stdout),
        stderr: text(output.stderr),
    }
}

/// The words of that.
pub fn words(ground: &Ground, phase: &str, more: &[&str]) -> Vec<String> {
    let mut arguments = ground.arguments("deploy", phase);
    arguments.extend(["--shards", "3"].map(str::to_owned));
    arguments.extend(more.iter().map(|word| (*word).to_owned()));
    arguments
}

/// A ground where three shards of the explore phase are Ready.
#[track_caller]
pub fn deployed() -> Ground {
    let ground = Ground::new();
    deploy(&ground, ground.scene.kubeconfig(), "explore", &["--yes"]).is(0, &["3 shards are Ready"]);
    ground
}
