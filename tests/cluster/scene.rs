//! A scene: shards in a namespace of their own, on nodes of their own, on a shared or an own plane. Built by
//! [`SceneBuilder`], healthy unless told otherwise; gone when dropped.

pub mod access;
pub mod builder;
pub mod neighbours;
pub mod nodes;
pub mod objects;
pub mod running;
pub mod workload;

pub use builder::{Budget, SceneBuilder};
use running::Running;

use super::plane::Plane;
use super::wait::{DEADLINE, wait_for};
use std::fmt::{self, Display, Formatter};
use std::path::PathBuf;
use std::time::Duration;

/// The label that makes a node go silent: the fake kubelet leaves nodes with value "true" alone.
pub const SILENT: &str = "test.shardctl.dev/silent";

/// Shards at work. Everything a test reads or changes goes through here.
pub struct Scene<'plane> {
    plane: &'plane Plane,
    namespace: String,
    name: String,
    shards: u32,
    kubeconfig: PathBuf,
    home: tempfile::TempDir,
}

impl Scene<'static> {
    /// A scene with this many shards, to be started on the shared plane (or with `.start_on(&plane)` elsewhere).
    pub fn shards(shards: u32) -> SceneBuilder {
        SceneBuilder::new(shards)
    }
}

impl<'plane> Scene<'plane> {
    /// The plane that the scene is on.
    pub fn plane(&self) -> &'plane Plane {
        self.plane
    }

    /// The scene's namespace, part of the names of its nodes too.
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// The name of the StatefulSet and of its disruption budget.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How many shards the scene started with.
    pub fn shard_count(&self) -> u32 {
        self.shards
    }

    /// The name of a shard's pod.
    pub fn pod_name(&self, ordinal: u32) -> String {
        format!("{}-{ordinal}", self.name)
    }

    /// A kubeconfig with all rights, whose context's namespace is the scene's.
    pub fn kubeconfig(&self) -> &std::path::Path {
        &self.kubeconfig
    }

    /// A folder of the scene's own, gone with it; HOME of [`Scene::shardctl`].
    pub fn home(&self) -> &std::path::Path {
        self.home.path()
    }

    /// `shardctl ARGUMENTS`, as the scene's administrator, cut off from the machine's own settings.
    pub fn shardctl<'a>(&self, arguments: impl IntoIterator<Item = &'a str>) -> assert_cmd::Command {
        self.shardctl_with(&self.kubeconfig, arguments)
    }

    /// `shardctl ARGUMENTS` with another kubeconfig: a limited user, or through a proxy.
    pub fn shardctl_with<'a>(
        &self,
        kubeconfig: &std::path::Path,
        arguments: impl IntoIterator<Item = &'a str>,
    ) -> assert_cmd::Command {
        let mut command = assert_cmd::Command::from_std(self.command(kubeconfig, arguments));
        command.timeout(Duration::from_secs(180));
        command
    }

    /// As [`Scene::shardctl_with`], started now and left to run, for a test that does something meanwhile.
    pub fn shardctl_process<'a>(
        &self,
        kubeconfig: &std::path::Path,
        arguments: impl IntoIterator<Item = &'a str>,
    ) -> Running {
        Running::start(self.command(kubeconfig, arguments))
    }

    fn command<'a>(
        &self,
        kubeconfig: &std::path::Path,
        arguments: impl IntoIterator<Item = &'a str>,
    ) -> std::process::Command {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_shardctl"));
        command
            .env_clear()
            .envs(std::env::vars_os().filter(|(name, _)| name == "PATH" || name == "LLVM_PROFILE_FILE"))
            .env("HOME", self.home.path())
            .env("KUBECONFIG", kubeconfig)
            .env("NO_COLOR", "1")
            .current_dir(self.home.path())
            .args(arguments);
        command
    }

    /// Waits until `holds` is true, for as long as [`DEADLINE`] at most.
    #[track_caller]
    pub fn wait_until(&self, what: &str, mut holds: impl FnMut(&Self) -> bool) {
        wait_for(what, DEADLINE, || holds(self).then_some(()).ok_or(Shards(self)));
    }

    /// Waits until every shard is Ready, none terminating, and everybody has seen it: the StatefulSet's status, the
    /// budget's, and the endpoint slices.
    #[track_caller]
    pub fn wait_until_healthy(&self) {
        wait_for("all shards are Ready", DEADLINE, || {
            self.unhealthy().map_or(Ok(()), Err)
        });
    }
}

/// A scene's shards, which are asked for when they are shown.
struct Shards<'a>(&'a Scene<'a>);

impl Display for Shards<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.summary(&self.0.pods()))
    }
}
