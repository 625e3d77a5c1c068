//! The arguments of `demo`.

use clap::{Args, ValueEnum};

use super::StatusOutput;

/// `demo`.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  shardctl demo                     the whole job, in under a minute
  shardctl demo --list              its scenes
  shardctl demo drain               one of them
  shardctl demo drain --speed 5     slowly enough to watch
  shardctl demo --speed max         as fast as it goes: the same every time, byte for byte

No cluster, no network, no configuration is needed or looked at. Every line that is shown is run: by the same code as for a
cluster of yours, on one that lives in this process and whose time can be made to go faster. When the demo ends nothing is left.

Exit codes: 0 played to its end · 2 usage · 70 a bug: a scene went another way than it should · 130 interrupted")]
pub struct Demo {
    /// Only this scene, on a cluster where what it needs has happened [default: all, in the order of --list]
    #[arg(value_name = "SCENE")]
    pub scene: Option<SceneName>,
    /// Tell which scenes there are, and play none
    #[arg(long, conflicts_with_all = ["scene", "speed"])]
    pub list: bool,
    /// How many seconds of the cluster's time go by in one of yours, or `max`
    #[arg(long, value_name = "N|max", default_value = "40", value_parser = speed)]
    pub speed: Speed,
    /// The form of the list
    #[arg(short, long, value_name = "FORM", default_value = "text", requires = "list")]
    pub output: StatusOutput,
}

/// How fast the cluster's time goes by.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Speed {
    /// So many times as fast as ours.
    Times(f64),
    /// As fast as it goes.
    Max,
}

/// The scenes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum SceneName {
    /// Ten shards come up on machines that are bought for them
    Up,
    /// Is everything as it must be?
    Verify,
    /// What runs where, what it costs, and what would be better
    PackingSummary,
    /// Does every key land on its shard?
    RouteTest,
    /// An upgrade to an image that no registry has: stopped with no shard down
    BadImage,
    /// A new image, one shard at a time
    Upgrade,
    /// A node is emptied for maintenance, its successor ready beforehand
    Drain,
    /// What ran the drain is killed half-way; what it left is found and undone
    Recover,
}

fn speed(text: &str) -> Result<Speed, String> {
    if text == "max" {
        return Ok(Speed::Max);
    }
    match text.parse::<f64>() {
        Ok(times) if times.is_finite() && times > 0.0 => Ok(Speed::Times(times)),
        _ => Err("it is a number above nought (1 is real time), or `max`".to_owned()),
    }
}
