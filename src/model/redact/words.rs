//! What stays as it is: words that say nothing about anybody, keys and drivers that are public, and the vocabulary of
//! Kubernetes' own sentences.

use crate::model::actors;
use crate::model::volume::ZONE_KEYS;

/// Parts of names that stay, wherever they stand: the checks look for some, and none of them tells whose cluster it is.
const PARTS: &str = "default kube system public node lease root ca crt svc cluster local coredns shardctl pvc \
    stable explore true false linux windows amd64 arm64 http https tcp udp cpu memory pods storage ephemeral hugepages \
    azure aws gce kwok kubernetes scheduler controller manager kubelet karpenter kubectl statefulset endpointslice status";

/// Domains of public projects and clouds. A key or a driver in one of them stays.
const DOMAINS: &str = "kubernetes.io k8s.io x-k8s.io karpenter.sh k8s.aws shardctl.dev azure.com amazonaws.com aws.com \
    cloud.google.com gke.io openstack.org alibabacloud.com vmware.com kwok.sh keda.sh aws-node-termination-handler nvidia.com amd.com intel.com digitalocean.com \
    projectcalico.org cilium.io istio.io linkerd.io helm.sh openshift.io cattle.io longhorn.io rook.io argoproj.io \
    fluxcd.io weave.works kubereboot.dev";

/// Keys of labels without a domain that stay.
const BARE_KEYS: &str = "app name component tier role k8s-app version release instance environment env workload pool \
    agentpool controller-revision-hash pod-template-hash metadata.name";

/// Keys of labels whose values stay: they come from a short public list, not from whoever runs the cluster.
const PUBLIC_VALUES: &str = "kubernetes.io/arch kubernetes.io/os beta.kubernetes.io/arch beta.kubernetes.io/os \
    beta.kubernetes.io/instance-type node.kubernetes.io/instance-type node.kubernetes.io/lifecycle \
    topology.kubernetes.io/region failure-domain.beta.kubernetes.io/region \
    kubernetes.azure.com/scalesetpriority kubernetes.azure.com/mode kubernetes.azure.com/os-sku \
    eks.amazonaws.com/capacityType eks.amazonaws.com/compute-type cloud.google.com/gke-spot cloud.google.com/gke-preemptible \
    cloud.google.com/gke-provisioning apps.kubernetes.io/pod-index endpointslice.kubernetes.io/managed-by \
    service.kubernetes.io/headless shardctl.dev/helper";

/// Karpenter's domains: all their values are public but for the names of pools and classes.
const KARPENTER: [&str; 4] = [
    "karpenter.sh",
    "karpenter.azure.com",
    "karpenter.k8s.aws",
    "karpenter.kwok.sh",
];

/// Fields whose strings stay: words of the API, versions, schedules.
const PUBLIC_FIELDS: &str = "kind phase type reason operator effect protocol addressType kubeletVersion kubeProxyVersion \
    osImage kernelVersion containerRuntimeVersion architecture operatingSystem schedule manager fieldsType time qosClass \
    updateMode fsType appProtocol verb action operation topologyPolicy volumeMode";

/// The words that Kubernetes, Karpenter and the clouds write their sentences with. Inside a sentence these are never taken
/// for a name, so that what the checks read there is still there.
const SENTENCES: &str = "a able about access account accounts actually added admission affinity after again all allocatable \
    allocate allocation already also an and annotation anti api approved are as assigned at attach attached attaching \
    attachment attempt authorization autoscaler available back because been before being bind binding block bound budget but by \
    cached can cannot capacity causes change changed check claim claims class cluster code com completed condition \
    conditions configmap configmaps connect connection consolidation constraint constraints container containers controller \
    cordoned could count cpu crash create created creating currently daemonset daemonsets data deadline deallocate default \
    delete deleted deleting demand deny denied deploy deployment deployments desired detach detached did didn didnt \
    disk disks disrupt disruption do does doesn't dns domain down drain drained drift due during each empty endpoint \
    endpoints endpointslice endpointslices enough ephemeral error evict evicted eviction event events exceed exceeded exceeds \
    exec exhausted exist existent exists exit exited expired expression fail failed failing family field filtered find finished \
    for forbidden force found free from gate get gone grace group had hard has have healthy helm helpful helper hold host \
    hostname how if image images immediate in incoming incompatible ineligible initialized initializing insufficient instance \
    instances internal into invalid io is isn't it its job join key kill killing kubectl kubelet kubernetes label labels \
    lack last late lease leases left limit limits list log logs long lost machine machines made manager match matched \
    matching max maximum may memory message met min missing mode more most mount mounted multi multiple must name names \
    namespace namespaces nearest need needs network never new no node nodeclaim nodeclaims nodepool nodepools nodes \
    nodeselector nominated non none not nothing now number object objects of offering offerings on one only open operation or \
    other our out over path peer pending period permission persistentvolume persistentvolumeclaim persistentvolumeclaims \
    persistentvolumes plugin pod poddisruptionbudget poddisruptionbudgets pods point policy pool pools port portforward pre \
    preempt preemption previous priority probe process processed progress proxy pull pulled pulling pvc quota rbac read \
    readiness ready reason recently record redacted refused region release remaining reported request requested requests required \
    requirements reset resize resolve resource resources responding response restart restarted restarting retry revision \
    rpc rule rules run running schedule scheduled scheduler scheduling secret secrets see selected selector send server \
    service serviceaccount serviceaccounts services set shut size skew skipped slots so space spec specified spot spread \
    start started starting state statefulset statefulsets status still stop stopped stopping storage storageclass \
    storageclasses stuck subnet subscription success successful successfully supported system taint tainted taints take \
    tcp template terminated terminating termination that the their them then there these they this time timed timeout to \
    tolerate toleration tolerations took topology tried try type unable unavailable unbound underutilized unhealthy unknown \
    unmount unreachable unreadable unschedulable until untolerated up update use used user users uses using valid vcpu verb \
    version victims volume volumeattachment volumeattachments volumes wait waiting was watch were what when where whether \
    which while with within without workload full exceeding greater than volumeclaim fsgroup mountvolume attachvolume setup backoff unbinding would wrong yet your zonal zone zones";

fn listed(list: &str, word: &str) -> bool {
    list.split_ascii_whitespace().any(|known| known == word)
}

/// Whether a part of a name stays.
pub fn is_public_part(part: &str) -> bool {
    listed(PARTS, part) || actors::known_names().any(|name| name.split('-').any(|word| word == part))
}

/// Whether a domain belongs to a public project or cloud.
pub fn is_public_domain(domain: &str) -> bool {
    DOMAINS.split_ascii_whitespace().any(|known| {
        domain
            .strip_suffix(known)
            .is_some_and(|before| before.is_empty() || before.ends_with('.'))
    })
}

/// Whether the key of a label stays although it is in no domain.
pub fn is_bare_key(key: &str) -> bool {
    listed(BARE_KEYS, key) || is_camel(key)
}

/// Whether the values of a label are public.
pub fn has_public_values(key: &str) -> bool {
    let karpenters = key.split_once('/').is_some_and(|(domain, name)| {
        KARPENTER.contains(&domain) && name != "nodepool" && !name.ends_with("nodeclass")
    });
    karpenters || ZONE_KEYS.contains(&key) || listed(PUBLIC_VALUES, key)
}

/// Whether the strings of a field stay.
pub fn is_public_field(field: &str) -> bool {
    listed(PUBLIC_FIELDS, field)
}

/// Whether a word belongs to the sentences that Kubernetes writes.
pub fn is_of_sentences(word: &str) -> bool {
    listed(SENTENCES, &word.to_ascii_lowercase())
}

/// A word as the API writes its constants: `WaitForFirstConsumer`, `TCP`. No name of an object begins with a capital.
pub fn is_camel(word: &str) -> bool {
    word.starts_with(|c: char| c.is_ascii_uppercase()) && word.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

/// A number, a quantity, a duration, a share, a version: `3`, `64Gi`, `720h0m0s`, `10%`, `v1.36.3`.
pub fn is_measure(word: &str) -> bool {
    let rest = word.trim_start_matches(['v', '-', '+']);
    // Units are short: what has more letters in a row is a name that begins with a digit.
    let mut letters = 0;
    rest.starts_with(|c: char| c.is_ascii_digit())
        && rest.bytes().all(|byte| {
            letters = if byte.is_ascii_alphabetic() { letters + 1 } else { 0 };
            letters <= 2 && (byte.is_ascii_alphanumeric() || byte == b'.' || byte == b'%')
        })
        && !is_hex_like(rest)
}

/// Digits and letters mixed again and again, as in an id that was drawn by lot (`5d4f8c7b9`).
fn is_hex_like(word: &str) -> bool {
    let durations = word
        .bytes()
        .all(|byte| byte.is_ascii_digit() || b".hmsun".contains(&byte));
    let changes = word
        .as_bytes()
        .windows(2)
        .filter(|pair| pair[0].is_ascii_digit() != pair[1].is_ascii_digit() && !pair.contains(&b'.'));
    !durations && changes.count() > 2
}
