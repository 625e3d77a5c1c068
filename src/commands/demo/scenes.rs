//! The scenes: what is told, and which command lines are run.

use clap::ValueEnum as _;
use serde::Serialize;

use crate::cli::SceneName;
use crate::exit_code::ExitCode;

/// The line that the workload comes up by.
pub const UP: [&str; 8] = [
    "shardctl",
    "deploy",
    "explore",
    "--zones",
    "eastus-1,eastus-2,eastus-3",
    "--sizes",
    "Standard_E16s_v5",
    "--yes",
];

/// The image that is there, and the one with a capital O for its nought.
const GOOD: &str = "docker.io/nginxinc/nginx-unprivileged:1.30-alpine";
/// The image that no registry has.
pub const BAD: &str = "docker.io/nginxinc/nginx-unprivileged:1.3O-alpine";

/// Stands for the node that a shard is on.
const NODE_OF_1: &str = "{node of biometric-shard-1}";
const NODE_OF_2: &str = "{node of biometric-shard-2}";

/// A scene.
#[derive(Clone, Copy, Debug)]
pub struct Scene {
    /// Its name.
    pub name: SceneName,
    /// What it is about, one line.
    pub title: &'static str,
    /// What to look at, a sentence or two.
    pub words: &'static str,
    /// What happens, in this order.
    pub acts: &'static [Act],
}

/// What happens in a scene.
#[derive(Clone, Copy, Debug)]
pub struct Act {
    /// The command line, its program first.
    pub line: &'static [&'static str],
    /// How it ends.
    pub ends: Ends,
    /// What is told beforehand, where something is.
    pub before: &'static str,
}

/// How a command line ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ends {
    /// With this exit code.
    With(ExitCode),
    /// It is killed as soon as a shard is evicted.
    Killed,
}

const fn run(line: &'static [&'static str], code: ExitCode) -> Act {
    Act {
        line,
        ends: Ends::With(code),
        before: "",
    }
}

/// Every scene, in the order in which they are played.
pub const SCENES: [Scene; 8] = [
    Scene {
        name: SceneName::Up,
        title: "Ten shards come up",
        words: "Ten shards of 32Gi, each with a disk of its own, on machines that Karpenter buys in three zones. Every shard holds a \
                tenth of the index: with one of them down, the whole system is down.",
        acts: &[run(&UP, ExitCode::Done), run(&["shardctl", "status"], ExitCode::Done)],
    },
    Scene {
        name: SceneName::Verify,
        title: "Is everything as it must be?",
        words: "The set, its pods, nodes, disks, names and budget; every name server is asked for every shard. What couldn't be seen is \
                unknown, and never green.",
        acts: &[run(&["shardctl", "verify"], ExitCode::Done)],
    },
    Scene {
        name: SceneName::PackingSummary,
        title: "What runs where, and what would be cheaper?",
        words: "From what the nodes have and what the shards ask for, with the price list that is built in.",
        acts: &[run(&["shardctl", "packing-summary"], ExitCode::Done)],
    },
    Scene {
        name: SceneName::RouteTest,
        title: "Does every key land on its shard?",
        words: "The load balancer and every shard are asked about the same keys, and have to name the same owners.",
        acts: &[run(&["shardctl", "route-test"], ExitCode::Done)],
    },
    Scene {
        name: SceneName::BadImage,
        title: "An image that no registry has",
        words: "Somebody typed a letter O for a nought. The nodes fetch the image before any shard is touched, so this ends with \
                every shard up.",
        acts: &[
            run(&["shardctl", "upgrade", "--image", BAD, "--yes"], ExitCode::Refused),
            run(&["shardctl", "status"], ExitCode::Done),
        ],
    },
    Scene {
        name: SceneName::Upgrade,
        title: "A new image, one shard at a time",
        words: "Before a shard is taken down the nine others are Ready, its node has the image, and its data is safe.",
        acts: &[run(&["shardctl", "upgrade", "--image", GOOD, "--yes"], ExitCode::Done)],
    },
    Scene {
        name: SceneName::Drain,
        title: "A node is emptied for maintenance",
        words: "The budget forbids it: kubectl drain would try for ever. A machine is bought and fetches the image while the shards \
                still run; then they move, one at a time.",
        acts: &[run(
            &["shardctl", "drain", NODE_OF_1, "--then-release", "--yes"],
            ExitCode::Done,
        )],
    },
    Scene {
        name: SceneName::Recover,
        title: "A crash half-way",
        words: "Another drain, and this time what runs it dies in the worst moment: the node is cordoned, the budget is open and a \
                shard is on its way.",
        acts: &[
            Act {
                line: &["shardctl", "drain", NODE_OF_2, "--yes"],
                ends: Ends::Killed,
                before: "",
            },
            Act {
                line: &["shardctl", "verify", "-o", "short"],
                ends: Ends::With(ExitCode::Failed),
                before: "Killed: no signal, no last words. A minute later somebody looks, and what is left says itself whose it is:",
            },
            Act {
                line: &["shardctl", "recover", "--yes"],
                ends: Ends::With(ExitCode::Done),
                before: "So anybody can put it back, from any machine:",
            },
            run(&["shardctl", "verify", "-o", "short"], ExitCode::Done),
        ],
    },
];

/// A scene as it is listed.
#[derive(Serialize)]
pub struct Listed {
    /// Its name.
    pub name: String,
    /// What it is about.
    pub title: &'static str,
    /// What is run, where a name that only the cluster knows is left open.
    pub commands: Vec<String>,
}

/// All scenes.
#[derive(Serialize)]
pub struct List {
    /// In the order in which they are played.
    pub scenes: Vec<Listed>,
}

/// What there is to play.
pub fn list() -> List {
    let scenes = SCENES.iter().map(|scene| Listed {
        name: word(scene.name),
        title: scene.title,
        commands: scene.acts.iter().map(|act| act.line.join(" ")).collect(),
    });
    List {
        scenes: scenes.collect(),
    }
}

/// A scene's name as it is typed.
pub fn word(name: SceneName) -> String {
    let known = name.to_possible_value();
    known.map(|value| value.get_name().to_owned()).unwrap_or_default()
}
