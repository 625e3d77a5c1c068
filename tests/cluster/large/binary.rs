//! The objects of a made-up cluster as protocol buffers, field for field what [`super::objects`] writes as JSON.

use super::NAMESPACE;

/// A message that is being written.
#[derive(Clone, Default)]
pub struct Message(pub Vec<u8>);

impl Message {
    pub fn number(mut self, field: u64, number: u64) -> Self {
        self.varint(field << 3);
        self.varint(number);
        self
    }

    pub fn bytes(mut self, field: u64, bytes: &[u8]) -> Self {
        self.varint(field << 3 | 2);
        self.varint(bytes.len() as u64);
        self.0.extend_from_slice(bytes);
        self
    }

    pub fn text(self, field: u64, text: &str) -> Self {
        self.bytes(field, text.as_bytes())
    }

    pub fn message(self, field: u64, message: &Message) -> Self {
        self.bytes(field, &message.0)
    }

    pub fn entry(self, field: u64, key: &str, value: &str) -> Self {
        self.message(field, &new().text(1, key).text(2, value))
    }

    fn amount(self, field: u64, name: &str, amount: &str) -> Self {
        self.message(field, &new().text(1, name).message(2, &new().text(1, amount)))
    }

    /// The fields of another message as well.
    fn and(mut self, more: &Message) -> Self {
        self.0.extend_from_slice(&more.0);
        self
    }

    fn varint(&mut self, mut number: u64) {
        while number > 0x7f {
            self.0.push(number as u8 | 0x80);
            number >>= 7;
        }
        self.0.push(number as u8);
    }
}

pub fn new() -> Message {
    Message::default()
}

/// A page, in the frame that Kubernetes puts around it.
pub fn page(kind: &str, more: &str, items: impl Iterator<Item = Message>) -> Vec<u8> {
    let meta = new().text(1, "").text(2, "7").text(3, more);
    let list = items.fold(new().message(1, &meta), |list, item| list.message(2, &item));
    let unknown = new()
        .message(1, &new().text(1, "v1").text(2, kind))
        .message(2, &list)
        .text(3, "")
        .text(4, "");
    [b"k8s\0", unknown.0.as_slice()].concat()
}

/// What real objects carry beside what is looked at: the same in each, made once.
#[derive(Default)]
pub struct Weight {
    managed: Message,
    container: Message,
    status: Message,
    labels: Message,
    images: Message,
}

impl Weight {
    pub fn new(whole: bool) -> Self {
        if !whole {
            return Self::default();
        }
        let time = new().number(1, 1_767_225_600).number(2, 0);
        let fields: Vec<String> = (0..30)
            .map(|at| format!(r#""f:field-{at}":{{".":{{}},"f:name":{{}},"f:value":{{}}}}"#))
            .collect();
        let fields = format!(r#"{{"f:spec":{{{}}}}}"#, fields.join(","));
        let managed = ["kube-controller-manager", "kubelet"].iter().fold(new(), |meta, name| {
            let entry = new()
                .text(1, name)
                .text(2, "Update")
                .text(3, "v1")
                .message(4, &time)
                .text(6, "FieldsV1")
                .message(7, &new().text(1, &fields));
            meta.message(17, &entry)
        });
        let environment = (0..12).fold(new(), |container, at| {
            let name = format!("SETTING_{at}");
            let variable = new().text(1, &name).text(2, "https://service.example/path?query=1");
            container.message(7, &variable)
        });
        let mounts = (0..4).fold(environment, |container, at| {
            let mount = new()
                .text(1, &format!("volume-{at}"))
                .number(2, 1)
                .text(3, &format!("/var/run/secrets/{at}"));
            container.message(9, &mount)
        });
        let port = new().number(1, 0).number(2, 8080).text(3, "");
        let get = new().text(1, "/ready").message(2, &port).text(3, "").text(4, "HTTP");
        let probe = new()
            .message(1, &new().message(2, &get))
            .number(3, 1)
            .number(4, 10)
            .number(5, 1)
            .number(6, 3);
        let container = mounts
            .text(2, "registry.example/service:1.0")
            .message(10, &probe)
            .message(11, &probe);
        let kinds = [
            "PodReadyToStartContainers",
            "Initialized",
            "Ready",
            "ContainersReady",
            "PodScheduled",
        ];
        let conditions = kinds.iter().fold(new(), |status, kind| {
            let condition = new().text(1, kind).text(2, "True").message(4, &time);
            status.message(2, &condition)
        });
        let ran = new()
            .text(1, "main")
            .message(2, &new().message(2, &new().message(1, &time)))
            .message(3, &new())
            .number(4, 1)
            .number(5, 0)
            .text(6, "registry.example/service:1.0")
            .text(7, &format!("registry.example/service@sha256:{}", "0".repeat(64)))
            .text(8, &format!("containerd://{}", "0".repeat(64)))
            .number(9, 1);
        let labels = (0..25).fold(new(), |meta, at| {
            meta.entry(11, &format!("kubernetes.azure.com/label-{at}"), "some value of it")
        });
        let images = (0..40).fold(new(), |status, at| {
            let repository = format!("mcr.microsoft.com/oss/kubernetes/image-{at}");
            let image = new()
                .text(1, &format!("{repository}@sha256:{}", "0".repeat(64)))
                .text(1, &format!("{repository}:v1.0.{at}"))
                .number(2, 123_456_789);
            status.message(8, &image)
        });
        Self {
            managed,
            container,
            status: conditions
                .text(5, "10.0.0.1")
                .text(6, "10.244.0.1")
                .text(9, "Burstable")
                .message(8, &ran),
            labels,
            images,
        }
    }
}

pub fn node(zone: usize, pool: &str, at: usize, weight: &Weight) -> Message {
    let name = format!("node-{at}");
    let meta = new()
        .text(1, &name)
        .text(5, &format!("node-uid-{at}"))
        .entry(11, "kubernetes.io/arch", "amd64")
        .entry(11, "kubernetes.io/hostname", &name)
        .entry(11, "topology.kubernetes.io/region", "eastus")
        .entry(11, "topology.kubernetes.io/zone", &format!("eastus-{zone}"))
        .entry(11, "node.kubernetes.io/instance-type", "Standard_E16s_v5")
        .entry(11, "karpenter.sh/nodepool", pool)
        .entry(11, "karpenter.sh/capacity-type", "on-demand")
        .and(&weight.labels)
        .and(&weight.managed);
    let spec = new()
        .text(1, "")
        .text(3, &format!("azure:///subscriptions/s/{at}"))
        .number(4, 0);
    let status = new()
        .amount(1, "cpu", "16")
        .amount(1, "memory", "131898432Ki")
        .amount(1, "pods", "110")
        .amount(2, "cpu", "15740m")
        .amount(2, "memory", "127500000Ki")
        .amount(2, "pods", "110")
        .message(4, &new().text(1, "MemoryPressure").text(2, "False"))
        .message(4, &new().text(1, "Ready").text(2, "True"))
        .message(7, &new().text(10, "amd64"))
        .and(&weight.images);
    new().message(1, &meta).message(2, &spec).message(3, &status)
}

pub fn csi_node(at: usize) -> Message {
    let name = format!("node-{at}");
    let driver = new()
        .text(1, "disk.csi.azure.com")
        .text(2, &name)
        .text(3, "topology.disk.csi.azure.com/zone")
        .message(4, &new().number(1, 32));
    let spec = new().message(1, &driver);
    new().message(1, &new().text(1, &name)).message(2, &spec)
}

fn a_pod(
    name: &str,
    namespace: &str,
    at: usize,
    owner: &Message,
    node: usize,
    asks: [&str; 2],
    weight: &Weight,
) -> Message {
    let meta = new()
        .text(1, name)
        .text(3, namespace)
        .text(5, &format!("pod-uid-{at}"))
        .entry(11, "app", namespace)
        .message(13, &owner.clone().text(5, "apps/v1").number(6, 1))
        .and(&weight.managed);
    let requests = new().amount(2, "cpu", asks[0]).amount(2, "memory", asks[1]);
    let container = new().text(1, "main").and(&weight.container).message(8, &requests);
    let spec = new().message(2, &container).text(10, &format!("node-{node}"));
    let status = new().text(1, "Running").and(&weight.status);
    new().message(1, &meta).message(2, &spec).message(3, &status)
}

/// Somebody else's pod.
pub fn pod(at: usize, node: usize, owner: &str, weight: &Weight) -> Message {
    let owner = new().text(1, owner).text(3, "web").text(4, &format!("{owner}-uid"));
    a_pod(&format!("web-{at}"), "web", at, &owner, node, ["100m", "256Mi"], weight)
}

pub fn shard(at: usize, node: usize, weight: &Weight) -> Message {
    let owner = new().text(1, "StatefulSet").text(3, "db").text(4, "set-uid");
    a_pod(&format!("db-{at}"), NAMESPACE, at, &owner, node, ["2", "32Gi"], weight)
}
