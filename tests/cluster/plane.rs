//! A control plane on loopback: etcd, API server, controller manager, scheduler, the fake kubelet, CoreDNS and, when
//! asked for, Karpenter. One is shared by the whole test binary; a test that breaks it takes one of its own.

use super::certificates::{Authority, write_service_account_keys};
use super::kubelet::PortForward;
use super::processes::{Processes, free_port};
use super::wait::{DEADLINE, wait_for};
use super::{api, audit, binaries, disks, dns, images, karpenter, kubeconfig, kubelet, mounts, stops};
use kube::Client;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// The API server is what most tests wait for, and a good part of its time goes into collecting garbage of which there is little
/// in so small a cluster. It collects later, and as usual from where that would take much memory.
const COLLECTS_LATER: [(&str, &str); 2] = [("GOGC", "400"), ("GOMEMLIMIT", "1500MiB")];

/// How a plane differs from the usual one.
#[derive(Clone)]
pub struct PlaneConfig {
    /// Runs Karpenter with its kwok provider.
    pub karpenter: bool,
    /// CoreDNS processes, each behind a pod of its own.
    pub dns_replicas: usize,
    /// Local ports behind further CoreDNS pods: a stale or a broken server of the test's own.
    pub dns_elsewhere: Vec<u16>,
    /// Port-forwards to local servers, for pods known by name beforehand (scenes of a plane are named
    /// `scene-001`, `scene-002` and so on, in the order they start).
    pub forwards: Vec<PortForward>,
    /// Seconds without a heartbeat until a node's conditions turn Unknown.
    pub node_grace: u32,
}

impl Default for PlaneConfig {
    fn default() -> Self {
        Self {
            karpenter: false,
            dns_replicas: 1,
            dns_elsewhere: Vec::new(),
            forwards: Vec::new(),
            node_grace: 8,
        }
    }
}

/// A running control plane. Its processes end and its folder goes with it, or with the test process.
pub struct Plane {
    folder: PathBuf,
    processes: Processes,
    authority: Authority,
    api_port: u16,
    client: Client,
    runtime: tokio::runtime::Runtime,
    scenes: AtomicU32,
    config: PlaneConfig,
}

impl Plane {
    /// The plane that all tests of this binary share: with CoreDNS, without Karpenter. Don't break it.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Plane> = OnceLock::new();
        SHARED.get_or_init(Self::own)
    }

    /// The other shared plane, where Karpenter runs too (and reacts to every pending pod).
    pub fn with_karpenter() -> &'static Self {
        static SHARED: OnceLock<Plane> = OnceLock::new();
        SHARED.get_or_init(|| {
            Self::own_with(PlaneConfig {
                karpenter: true,
                ..PlaneConfig::default()
            })
        })
    }

    /// A plane for one test, which may break it. About 900 MB: have few.
    pub fn own() -> Self {
        Self::own_with(PlaneConfig::default())
    }

    /// As [`Plane::own`], with differences.
    pub fn own_with(config: PlaneConfig) -> Self {
        let binaries = binaries::core();
        let coredns = (config.dns_replicas > 0).then(binaries::coredns);
        let karpenter = config.karpenter.then(binaries::karpenter);
        for attempt in 1.. {
            match Self::start(&config, &binaries, coredns.as_deref(), karpenter.as_ref()) {
                Ok(plane) => return plane,
                // Another program took a port between our look and the process that wanted it.
                Err(failure) if attempt < 3 && failure.contains("address already in use") => {}
                Err(failure) => panic!("the test cluster did not start: {failure}"),
            }
        }
        unreachable!("the loop returns or panics")
    }

    fn start(
        config: &PlaneConfig,
        binaries: &binaries::Core,
        coredns: Option<&Path>,
        karpenter: Option<&binaries::Karpenter>,
    ) -> Result<Self, String> {
        // Fails only when it was installed before.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let folder = tempfile::Builder::new()
            .prefix("shardctl-test-")
            .tempdir()
            .expect("a temporary folder")
            .keep();
        let processes = Processes::new(&folder);
        let authority = Authority::new();
        let api_port = free_port();
        let admin = write_certificates(&folder, &authority);
        let kubeconfig = kubeconfig::write(
            &folder.join("kubeconfig"),
            &format!("https://127.0.0.1:{api_port}"),
            &authority.certificate,
            &admin,
            "default",
        );
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .expect("a runtime");
        let client = runtime.block_on(client(&kubeconfig));
        let plane = Self {
            folder,
            processes,
            authority,
            api_port,
            client,
            runtime,
            scenes: AtomicU32::new(0),
            config: config.clone(),
        };

        plane.start_api(binaries);
        plane.starting(|| {
            plane
                .run(plane.client.request_text(request("/readyz")))
                .map(drop)
                .map_err(|e| e.to_string())
        })?;
        let definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
        plane
            .run(api::create(&plane.client, definitions, &kubelet::forward_definition()))
            .map_err(|e| format!("the definition of port-forwards: {e}"))?;
        plane.start_controllers(binaries);
        let ports: Vec<u16> = (0..config.dns_replicas).map(|_| free_port()).collect();
        if let Some(coredns) = coredns {
            plane.start_dns(coredns, &ports);
        }
        let forwarded: Vec<u16> = ports.iter().chain(&config.dns_elsewhere).copied().collect();
        // The fake kubelet looks for it once.
        plane.starting(|| plane.get(kubelet::FORWARDS).map(drop))?;
        plane.start_kubelet(binaries, &forwarded);
        plane.starting(|| {
            plane
                .get("/api/v1/namespaces/default/serviceaccounts/default")
                .map(drop)
        })?;
        plane
            .run(dns::create(&plane.client, forwarded.len()))
            .map_err(|e| format!("kube-system's objects: {e}"))?;
        plane.runtime.spawn(disks::run(plane.client.clone()));
        plane.runtime.spawn(images::run(plane.client.clone()));
        plane.runtime.spawn(mounts::run(plane.client.clone()));
        plane.runtime.spawn(stops::run(plane.client.clone()));
        if let Some(karpenter) = karpenter {
            plane.start_karpenter(karpenter)?;
        }
        plane.starting(|| plane.dns_ready(forwarded.len()))?;
        Ok(plane)
    }

    fn start_api(&self, binaries: &binaries::Core) {
        let (client_port, peer_port) = (free_port(), free_port());
        let etcd = format!("http://127.0.0.1:{client_port}");
        self.processes.spawn(
            "etcd",
            Command::new(&binaries.etcd).envs(COLLECTS_LATER).args([
                "--data-dir=etcd",
                "--unsafe-no-fsync",
                "--log-level=warn",
                &format!("--listen-client-urls={etcd}"),
                &format!("--advertise-client-urls={etcd}"),
                &format!("--listen-peer-urls=http://127.0.0.1:{peer_port}"),
            ]),
        );
        self.processes.spawn(
            "kube-apiserver",
            Command::new(&binaries.apiserver)
                .envs(COLLECTS_LATER)
                .args(audit::arguments(&self.folder))
                .args([
                    &format!("--etcd-servers={etcd}"),
                    &format!("--secure-port={}", self.api_port),
                    "--bind-address=127.0.0.1",
                    "--advertise-address=127.0.0.1",
                    "--endpoint-reconciler-type=none",
                    "--tls-cert-file=server.crt",
                    "--tls-private-key-file=server.key",
                    "--client-ca-file=ca.crt",
                    "--service-account-issuer=https://kubernetes.default.svc",
                    "--service-account-key-file=sa.pub",
                    "--service-account-signing-key-file=sa.key",
                    "--service-cluster-ip-range=10.96.0.0/16",
                    "--authorization-mode=Node,RBAC",
                    "--allow-privileged",
                    "--kubelet-client-certificate=admin.crt",
                    "--kubelet-client-key=admin.key",
                    "--kubelet-preferred-address-types=InternalIP",
                    // Those of nodes are all in one namespace, and every reader of a scene's is sent those of all scenes.
                    "--event-ttl=5m",
                    "--default-not-ready-toleration-seconds=5",
                    "--default-unreachable-toleration-seconds=5",
                ]),
        );
    }

    fn start_controllers(&self, binaries: &binaries::Core) {
        // The default rates (20 requests a second) would make tests that run side by side wait for each other.
        let rates = ["--kube-api-qps=300", "--kube-api-burst=600"];
        self.processes.spawn(
            "kube-controller-manager",
            Command::new(&binaries.controller_manager)
                .envs(COLLECTS_LATER)
                .args(rates)
                .args([
                    "--kubeconfig=kubeconfig",
                    "--leader-elect=false",
                    "--bind-address=127.0.0.1",
                    &format!("--secure-port={}", free_port()),
                    "--root-ca-file=ca.crt",
                    "--service-account-private-key-file=sa.key",
                    // Nothing here reads the Endpoints that EndpointSlices have replaced: they'd be every twentieth request.
                    "--controllers=*,-endpoints-controller",
                    "--node-monitor-period=1s",
                    &format!("--node-monitor-grace-period={}s", self.config.node_grace),
                    "--pvclaimbinder-sync-period=2s",
                ]),
        );
        self.processes.spawn(
            "kube-scheduler",
            Command::new(&binaries.scheduler).args(rates).args([
                "--kubeconfig=kubeconfig",
                "--leader-elect=false",
                "--bind-address=127.0.0.1",
                &format!("--secure-port={}", free_port()),
            ]),
        );
    }

    fn start_dns(&self, coredns: &Path, ports: &[u16]) {
        for (index, port) in ports.iter().enumerate() {
            let corefile = dns::write_corefile(&self.folder, &self.kubeconfig(), *port);
            self.processes
                .spawn(&dns::pod_name(index), Command::new(coredns).arg("-conf").arg(corefile));
        }
    }

    fn start_kubelet(&self, binaries: &binaries::Core, dns_ports: &[u16]) {
        let mut forwards = dns::forwards(dns_ports);
        forwards.extend(self.config.forwards.iter().cloned());
        let (files, commands) = kubelet::write_config(&self.folder, &binaries.kubernetes_version, &forwards);
        let port = free_port();
        let mut command = Command::new(&binaries.kwok);
        command
            .args(files.iter().map(|file| format!("--config={}", file.display())))
            .args([
                "--kubeconfig=kubeconfig",
                "--manage-all-nodes=false",
                &format!("--manage-nodes-with-label-selector={}!=true", super::scene::SILENT),
                "--cidr=10.244.0.0/16",
                "--node-ip=127.0.0.1",
                &format!("--node-port={port}"),
                &format!("--server-address=127.0.0.1:{port}"),
                "--node-lease-duration-seconds=8",
                "--enable-crds=ClusterPortForward",
                "--tls-cert-file=server.crt",
                "--tls-private-key-file=server.key",
            ]);
        command.env("PATH", format!("{}:/usr/local/bin:/usr/bin:/bin", commands.display()));
        self.processes.spawn("kwok", &mut command);
    }

    fn start_karpenter(&self, binaries: &binaries::Karpenter) -> Result<(), String> {
        self.run(karpenter::create_definitions(&self.client, &binaries.definitions))
            .map_err(|e| format!("Karpenter's definitions: {e}"))?;
        for kind in karpenter::PATHS {
            self.starting(|| self.get(kind).map(drop))?;
        }
        let types = karpenter::write_instance_types(&self.folder);
        self.processes.spawn(
            "karpenter",
            Command::new(&binaries.program).envs([
                ("KUBECONFIG", self.kubeconfig().display().to_string()),
                ("INSTANCE_TYPES_FILE_PATH", types.display().to_string()),
                ("DISABLE_LEADER_ELECTION", "true".into()),
                ("METRICS_PORT", free_port().to_string()),
                ("HEALTH_PROBE_PORT", free_port().to_string()),
                ("BATCH_IDLE_DURATION", "200ms".into()),
            ]),
        );
        Ok(())
    }

    fn dns_ready(&self, pods: usize) -> Result<(), String> {
        for index in 0..pods {
            let pod = self.get(&format!("/api/v1/namespaces/kube-system/pods/{}", dns::pod_name(index)))?;
            // Both: only what is Running as well is asked for names.
            if !dns::has_become(&pod, "Running") {
                return Err(format!(
                    "{} is not Running and Ready: {}",
                    dns::pod_name(index),
                    pod["status"]
                ));
            }
        }
        Ok(())
    }

    /// Waits for a step of the start, and notices a process that ended instead.
    fn starting(&self, mut look: impl FnMut() -> Result<(), String>) -> Result<(), String> {
        let start = Instant::now();
        loop {
            let Err(missing) = look() else { return Ok(()) };
            if let Some(name) = self.processes.ended() {
                return Err(format!("{name} ended:\n{}", self.processes.log_tail(&name, 20)));
            }
            if start.elapsed() > 2 * DEADLINE {
                return Err(missing);
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// The kubeconfig of the cluster's administrator.
    pub fn kubeconfig(&self) -> PathBuf {
        self.folder.join("kubeconfig")
    }

    /// The plane's own folder: logs, certificates, configuration.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The port of the API server on 127.0.0.1.
    pub fn api_port(&self) -> u16 {
        self.api_port
    }

    /// What signs this plane's certificates.
    pub fn authority(&self) -> &Authority {
        &self.authority
    }

    /// A client with the administrator's rights, without retries.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// A client with another kubeconfig: a limited user, or through a proxy. Without retries, too.
    pub fn client_of(&self, kubeconfig: &Path) -> Client {
        self.run(client(kubeconfig))
    }

    /// The plane's runtime, for tasks that live as long as the plane.
    pub fn runtime(&self) -> &tokio::runtime::Handle {
        self.runtime.handle()
    }

    /// Runs a future to its end. Tests are plain functions: called from async code this would panic.
    pub fn run<R>(&self, future: impl Future<Output = R>) -> R {
        self.runtime.block_on(future)
    }

    /// GET of a path, with the error in words.
    pub fn get(&self, path: &str) -> Result<serde_json::Value, String> {
        self.run(api::get(&self.client, path))
            .map_err(|e| format!("GET {path}: {e}"))
    }

    /// Stops a process in its tracks (SIGSTOP): "kube-apiserver", "etcd", "kube-controller-manager",
    /// "kube-scheduler", "kwok", "coredns-0", "karpenter".
    pub fn pause(&self, name: &str) {
        self.processes.signal(name, "STOP");
    }

    /// Lets a paused process go on.
    pub fn resume(&self, name: &str) {
        self.processes.signal(name, "CONT");
    }

    /// Kills a process for good.
    pub fn kill(&self, name: &str) {
        self.processes.kill(name);
    }

    /// The last lines of a process's log.
    pub fn log_tail(&self, name: &str, lines: usize) -> String {
        self.processes.log_tail(name, lines)
    }

    /// The ids of all processes and of the watchdog.
    pub fn process_ids(&self) -> Vec<u32> {
        self.processes.ids()
    }

    /// True when Karpenter runs here.
    pub fn has_karpenter(&self) -> bool {
        self.config.karpenter
    }

    /// Waits until `look` gives a value.
    #[track_caller]
    pub fn wait_for<T>(&self, what: &str, look: impl FnMut() -> Result<T, String>) -> T {
        wait_for(what, DEADLINE, look)
    }

    /// The name for the next scene: known beforehand, so that an own plane can be told port-forwards by name.
    pub(super) fn next_scene(&self) -> String {
        format!("scene-{:03}", self.scenes.fetch_add(1, Ordering::Relaxed) + 1)
    }
}

fn write_certificates(folder: &Path, authority: &Authority) -> super::certificates::Signed {
    std::fs::write(folder.join("ca.crt"), &authority.certificate).expect("write ca.crt");
    authority.server().write(folder, "server");
    write_service_account_keys(folder);
    let admin = authority.client("admin", &["system:masters"]);
    admin.write(folder, "admin");
    admin
}

fn request(path: &str) -> http::Request<Vec<u8>> {
    http::Request::get(path)
        .body(Vec::new())
        .expect("a well-formed request")
}

async fn client(kubeconfig: &Path) -> Client {
    let file = kube::config::Kubeconfig::read_from(kubeconfig).expect("read our own kubeconfig");
    let mut config = kube::Config::from_custom_kubeconfig(file, &Default::default())
        .await
        .expect("use our own kubeconfig");
    // A blocked eviction is a 429, which the client would otherwise repeat in silence for minutes.
    config.default_retry = false;
    Client::try_from(config).expect("a client of the test cluster")
}
