//! A size of machine as its cloud sells it.

/// What a cloud says of a size.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Size {
    /// Its name, as nodes carry it in `node.kubernetes.io/instance-type`.
    pub name: String,
    /// Cores, as the cloud counts them.
    pub vcpu: u32,
    /// Memory, in bytes.
    pub memory: i64,
    /// `amd64` or `arm64`, as in `kubernetes.io/arch`.
    pub arch: String,
    /// How many disks can be attached beside the one that it starts from; none where nobody said.
    pub data_disks: Option<i64>,
    /// How many pods its network takes, where the size decides that (AWS); none where the cluster does.
    pub max_pods: Option<i64>,
    /// Whether it is a whole host, which few zones have.
    pub isolated: bool,
    /// What is left of it for pods, where a file says so: bytes and thousandths of a core.
    pub allocatable: Option<(i64, i64)>,
}
