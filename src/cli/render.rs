//! The arguments of `render`.

use std::path::PathBuf;

use clap::{Args, ValueHint};

use super::{PhaseName, WorkloadFlags};

/// `render`.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  shardctl render explore                                  print the manifests of the explore phase
  shardctl render stable --size Standard_E20s_v5 | kubectl apply --server-side -f -
  shardctl render --out k8s                                write k8s/base and k8s/overlays/{explore,stable}, for kubectl apply -k
  shardctl render stable --node-class karpenter.k8s.aws/EC2NodeClass/default --catalog aws.csv \\
    --size r6i.4xlarge --storage-class gp3                 another cloud

No cluster is asked. A file that shardctl didn't write is never written over.

Exit codes: 0 done · 2 a parameter that can't be followed, or a file that can't be written")]
pub struct Render {
    /// The phase; with --out it may be left out, for both
    #[arg(value_name = "PHASE", required_unless_present = "out")]
    pub phase: Option<PhaseName>,
    /// Write a kustomization into this folder, instead of printing
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub out: Option<PathBuf>,
    /// The workload.
    #[command(flatten)]
    pub workload: WorkloadFlags,
}
