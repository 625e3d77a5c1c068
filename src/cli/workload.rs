//! The reference workload's parameters, for the commands that make objects of them. Each is a key of shardctl.toml as well.

use std::path::PathBuf;

use clap::{Args, ValueHint};

/// What the workload is.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "The workload; each is a key of shardctl.toml, too")]
pub struct WorkloadFlags {
    /// What all names begin with; the namespace is NAME-shards where -n names none [default: biometric]
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// How many shards [default: 10]
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    pub shards: Option<String>,
    /// The memory of a shard [default: 32Gi]
    #[arg(long, value_name = "QUANTITY", allow_negative_numbers = true)]
    pub memory: Option<String>,
    /// The CPU of a shard [default: 2]
    #[arg(long, value_name = "QUANTITY", allow_negative_numbers = true)]
    pub cpu: Option<String>,
    /// The image of a shard [default: docker.io/nginxinc/nginx-unprivileged:1.29-alpine]
    #[arg(long, value_name = "REF")]
    pub image: Option<String>,
    /// The port that a shard serves at [default: 8080]
    #[arg(long, value_name = "PORT", allow_negative_numbers = true)]
    pub port: Option<String>,
    /// The path at which a shard says that it is ready, or tcp: by opening a connection [default: /]
    #[arg(long, value_name = "PATH|tcp")]
    pub probe: Option<String>,
    /// The storage class of a shard's disk [default: managed-csi-premium]
    #[arg(long, value_name = "NAME")]
    pub storage_class: Option<String>,
    /// The size of a shard's disk [default: 100Gi]
    #[arg(long, value_name = "QUANTITY", allow_negative_numbers = true)]
    pub storage: Option<String>,
    /// The zones that nodes may be in, separated by commas [default: whichever Karpenter finds]
    #[arg(long, value_name = "ZONE", value_delimiter = ',')]
    pub zones: Vec<String>,
    /// The sizes that Karpenter picks among (explore), separated by commas [default: Standard_E8s_v5, …E16s, …E20s, …E32s]
    #[arg(long, value_name = "SIZE", value_delimiter = ',')]
    pub sizes: Vec<String>,
    /// The one size (stable) [default: Standard_E16s_v5]
    #[arg(long, value_name = "SIZE")]
    pub size: Option<String>,
    /// The value of the shards' priority class [default: 1000000]
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    pub priority: Option<String>,
    /// The node class of the pools, where it isn't one of ours, as in karpenter.k8s.aws/EC2NodeClass/default
    #[arg(long, value_name = "GROUP/KIND/NAME")]
    pub node_class: Option<String>,
    /// A catalogue of sizes, for other clouds than Azure (docs/packing.md has its columns)
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub catalog: Option<PathBuf>,
}
