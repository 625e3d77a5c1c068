//! The arguments of `packing-summary`.

use std::path::PathBuf;

use clap::{Args, ValueEnum, ValueHint};

use super::Source;

/// `packing-summary`.
#[derive(Args, Clone, Debug, Default)]
#[command(after_help = "\
Examples:
  shardctl packing-summary                               what runs where, what it costs, what would be better
  shardctl packing-summary -o wide                       every column, more sizes
  shardctl packing-summary --shards 12 --memory 24Gi     what if
  shardctl packing-summary --zones 4,3,3                 what if the disks were elsewhere
  shardctl packing-summary --sizes 'Standard_E*_v5'      only these sizes
  shardctl packing-summary --max-shards-per-node 2       what survives the loss of a node with two shards down
  shardctl packing-summary --pay reserved-1y             paid for in another way
  shardctl packing-summary --refresh-prices              today's list prices, of disks too
  shardctl packing-summary --catalog eks.csv             sizes and prices of another cloud
  shardctl packing-summary -o csv --table layouts        a table for a spreadsheet
  shardctl packing-summary --watch                       the nodes in place, as they come, fill and go
  shardctl packing-summary --from snapshot.json          the same from a saved snapshot
  shardctl packing-summary --pools cheapest              NodePools by which Karpenter buys just that layout

Exit codes: 0 told · 1 what was asked for can't hold the shards · 2 usage, or a file that can't be followed ·
  7 something that is needed couldn't be read, or the cluster can't be reached · 130 interrupted, as every --watch ends")]
pub struct PackingSummary {
    /// The form of the result
    #[arg(short, long, value_name = "FORM", default_value = "text")]
    pub output: PackingOutput,
    /// Which table, with -o csv
    #[arg(long, value_name = "WHICH")]
    pub table: Option<PackingTable>,
    /// Write a layout as NodePools for kubectl apply, one for each size in each zone, instead of the summary
    #[arg(long, value_name = "LAYOUT", conflicts_with_all = ["output", "table"])]
    pub pools: Option<LayoutName>,
    /// For how many nodes beyond the layout each of the pools has room [default: 0, so that just the layout is bought]
    #[arg(long, value_name = "N", requires = "pools", allow_hyphen_values = true)]
    pub surge: Option<String>,
    /// Go on, and show what changes until interrupted: in place on a terminal, elsewhere a line a change
    #[arg(short, long, conflicts_with_all = [
        "from", "table", "pools", "shards", "memory", "cpu", "zones", "max_shards_per_node", "max_shards_per_zone", "sizes",
        "exclude", "arch", "kubelet", "forecast", "max_pods",
    ])]
    pub watch: bool,
    /// What to reckon with instead of what is there.
    #[command(flatten)]
    pub what_if: WhatIf,
    /// Which machines may be bought.
    #[command(flatten)]
    pub machines: MachinesWanted,
    /// What they cost.
    #[command(flatten)]
    pub prices: Prices,
    /// Who reckons what is left of a machine.
    #[command(flatten)]
    pub models: Models,
    /// Read a saved snapshot instead of a cluster; with `demo`, the demo's cluster (a file of that name is ./demo)
    #[arg(long, value_name = "FILE|demo", value_hint = ValueHint::FilePath, help_heading = "Which snapshot")]
    pub from: Option<Source>,
}

/// What to reckon with instead of what is there.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "What if")]
pub struct WhatIf {
    /// So many shards
    #[arg(long, value_name = "N", allow_hyphen_values = true)]
    pub shards: Option<String>,
    /// A shard's memory, for example 32Gi
    #[arg(long, value_name = "QUANTITY", allow_hyphen_values = true)]
    pub memory: Option<String>,
    /// A shard's CPU, for example 2 or 1500m
    #[arg(long, value_name = "QUANTITY", allow_hyphen_values = true)]
    pub cpu: Option<String>,
    /// So many shards in each zone: 4,3,3 in the order of the zones' names, or eastus-1=4,eastus-2=3
    #[arg(long, value_name = "COUNTS", allow_hyphen_values = true)]
    pub zones: Option<String>,
    /// At most so many shards down when a node dies
    #[arg(long, value_name = "K", allow_hyphen_values = true)]
    pub max_shards_per_node: Option<String>,
    /// At most so many shards down when a zone dies
    #[arg(long, value_name = "K", allow_hyphen_values = true)]
    pub max_shards_per_zone: Option<String>,
}

/// Which machines may be bought.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Which machines")]
pub struct MachinesWanted {
    /// Only these sizes, by name or with one `*`; may be repeated, or separated by commas
    #[arg(long, value_name = "SIZE", value_delimiter = ',')]
    pub sizes: Vec<String>,
    /// Not these sizes, in the same form
    #[arg(long, value_name = "SIZE", value_delimiter = ',')]
    pub exclude: Vec<String>,
    /// Only machines of these architectures [default: those of the shards' nodes]
    #[arg(long, value_name = "ARCH", value_delimiter = ',')]
    pub arch: Vec<String>,
}

/// What machines cost.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Prices")]
pub struct Prices {
    /// The region whose prices count [default: the one that the nodes name]
    #[arg(long, value_name = "REGION")]
    pub region: Option<String>,
    /// How machines of a layout are paid for
    #[arg(long, value_name = "WAY", default_value = "on-demand")]
    pub pay: Pay,
    /// What comes off every listed price, for example 12%
    #[arg(long, value_name = "PERCENT", allow_hyphen_values = true)]
    pub discount: Option<String>,
    /// Prices of your own, in place of the built-in ones where the file has some; described in docs/packing.md
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub price_file: Option<PathBuf>,
    /// Ask Azure's public list for the region's prices, of machines and of disks; later runs go on using them
    #[arg(long, conflicts_with = "catalog")]
    pub refresh_prices: bool,
    /// Where that list is, for a mirror of it [default: Azure's own, at prices.azure.com]
    #[arg(long, value_name = "URL", requires = "refresh_prices", value_hint = ValueHint::Url)]
    pub prices_url: Option<String>,
    /// Sizes and prices of your own, in place of the built-in ones: for EKS and others; described in docs/packing.md
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub catalog: Option<PathBuf>,
}

/// Who reckons what is left of a machine that isn't there.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "What is left of a machine that isn't there")]
pub struct Models {
    /// The model of what fits [default: by the cloud of the nodes]
    #[arg(long, value_name = "MODEL")]
    pub kubelet: Option<ModelName>,
    /// The model of what Karpenter counts with when it buys [default: by the cloud of the nodes]
    #[arg(long, value_name = "MODEL")]
    pub forecast: Option<ModelName>,
    /// How many pods a node takes [default: the fewest of any node]
    #[arg(long, value_name = "N", allow_hyphen_values = true)]
    pub max_pods: Option<String>,
}

/// The forms of `packing-summary`'s result.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum PackingOutput {
    /// For people: the answer, then tables as wide as the terminal
    #[default]
    Text,
    /// The same with every column and more sizes
    Wide,
    /// JSON, described in docs/json.md
    Json,
    /// A table with a line of column names, for spreadsheets
    Csv,
}

/// The layouts that `--pools` writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LayoutName {
    /// The cheapest
    Cheapest,
    /// The fewest shards lost with a node for at most a tenth more
    Balanced,
    /// One shard a node
    MostAvailable,
    /// The best of one size
    OfOneSize,
}

/// The tables that `-o csv` writes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum PackingTable {
    /// A row for each node that is there
    #[default]
    Nodes,
    /// A row for each size that may be bought
    Sizes,
    /// A row for each size in each zone of each layout
    Layouts,
}

/// How machines are paid for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Pay {
    /// By the hour, at the list's price
    #[default]
    OnDemand,
    /// As long as nobody else wants them
    Spot,
    /// A savings plan for one year
    #[value(name = "savings-1y")]
    Savings1y,
    /// A savings plan for three years
    #[value(name = "savings-3y")]
    Savings3y,
    /// Reserved for one year
    #[value(name = "reserved-1y")]
    Reserved1y,
    /// Reserved for three years
    #[value(name = "reserved-3y")]
    Reserved3y,
}

/// Models of what is left of a machine for pods; docs/packing.md tells what each reckons.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ModelName {
    /// Karpenter on Azure
    KarpenterAzure,
    /// Karpenter on Azure as its pull request 1919 would have it
    #[value(name = "karpenter-azure-1919")]
    KarpenterAzure1919,
    /// The kubelet of AKS since Kubernetes 1.29
    KubeletAks,
    /// The kubelet of AKS with node hardening
    KubeletAksHardened,
    /// Karpenter on AWS
    KarpenterAws,
}
