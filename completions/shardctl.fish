# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_shardctl_global_optspecs
    string join \n kubeconfig= context= n/namespace= statefulset= as= as-group= request-timeout= config= color= q/quiet v/verbose h/help V/version
end

function __fish_shardctl_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_shardctl_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_shardctl_using_subcommand
    set -l cmd (__fish_shardctl_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c shardctl -n "__fish_shardctl_needs_command" -l kubeconfig -d 'The kubeconfig file [default: $KUBECONFIG, ~/.kube/config, or the pod\'s service account]' -r -F
complete -c shardctl -n "__fish_shardctl_needs_command" -l context -d 'The kubeconfig context [env: SHARDCTL_CONTEXT]' -r
complete -c shardctl -n "__fish_shardctl_needs_command" -s n -l namespace -d 'The namespace of the set [env: SHARDCTL_NAMESPACE] [default: the context\'s]' -r
complete -c shardctl -n "__fish_shardctl_needs_command" -l statefulset -d 'The StatefulSet [env: SHARDCTL_STATEFULSET] [default: the only one of the namespace]' -r
complete -c shardctl -n "__fish_shardctl_needs_command" -l as -d 'The user to act as' -r
complete -c shardctl -n "__fish_shardctl_needs_command" -l as-group -d 'A group to act as; may be repeated' -r
complete -c shardctl -n "__fish_shardctl_needs_command" -l request-timeout -d 'How long one request may take, for example 5s or 1m; 0 for no limit [env: SHARDCTL_REQUEST_TIMEOUT] [default: 30s]' -r
complete -c shardctl -n "__fish_shardctl_needs_command" -l config -d 'The configuration file [default: the nearest shardctl.toml upwards, then the user\'s configuration folder]' -r -F
complete -c shardctl -n "__fish_shardctl_needs_command" -l color -d 'Colour [env: SHARDCTL_COLOR, NO_COLOR] [default: auto]' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c shardctl -n "__fish_shardctl_needs_command" -s q -l quiet -d 'Print less: no progress on standard error'
complete -c shardctl -n "__fish_shardctl_needs_command" -s v -l verbose -d 'Print more: what an error was caused by'
complete -c shardctl -n "__fish_shardctl_needs_command" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c shardctl -n "__fish_shardctl_needs_command" -s V -l version -d 'Print version'
complete -c shardctl -n "__fish_shardctl_needs_command" -f -a "verify" -d 'Is everything as it must be? Checks the set, its pods, nodes, disks, names, budget, and what was left behind'
complete -c shardctl -n "__fish_shardctl_needs_command" -f -a "status" -d 'UP or DOWN in one line, for alerts and prompts'
complete -c shardctl -n "__fish_shardctl_needs_command" -f -a "events" -d 'What was said about the shards, in one order: scheduler, Karpenter, autoscaler, attach, kubelets, controllers'
complete -c shardctl -n "__fish_shardctl_needs_command" -f -a "route-test" -d 'Does every key land on its shard, from every entry? Asks the load balancer and every shard about the same keys'
complete -c shardctl -n "__fish_shardctl_needs_command" -f -a "packing-summary" -d 'What runs on which node, what it costs, and which machines would be better'
complete -c shardctl -n "__fish_shardctl_needs_command" -f -a "upgrade" -d 'Move every shard to a new template, one at a time, with the fewest seconds down'
complete -c shardctl -n "__fish_shardctl_needs_command" -f -a "drain" -d 'Empty nodes for maintenance although the budget says no: the shards one at a time, each Ready elsewhere before the next'
complete -c shardctl -n "__fish_shardctl_needs_command" -f -a "maintenance-drain" -d 'Empty nodes for maintenance although the budget says no: the shards one at a time, each Ready elsewhere before the next'
complete -c shardctl -n "__fish_shardctl_needs_command" -f -a "demo" -d 'The whole job on a cluster inside this process: no cluster, no network, no configuration needed'
complete -c shardctl -n "__fish_shardctl_needs_command" -f -a "quickstart" -d 'A menu over all of it, with the state of both phases on top'
complete -c shardctl -n "__fish_shardctl_needs_command" -f -a "deploy" -d 'Write the reference workload\'s objects for a phase, and wait until every shard is Ready'
complete -c shardctl -n "__fish_shardctl_needs_command" -f -a "promote" -d 'Move the reference workload from the explore phase to the stable one: one size, one shard at a time, nothing deleted'
complete -c shardctl -n "__fish_shardctl_needs_command" -f -a "cleanup" -d 'Delete the reference workload\'s objects, named and counted; the data stays unless it is asked for'
complete -c shardctl -n "__fish_shardctl_needs_command" -f -a "uncordon" -d 'Let nodes take pods again, and put back what an interrupted drain left there'
complete -c shardctl -n "__fish_shardctl_needs_command" -f -a "recover" -d 'Find and undo what interrupted runs left: marks, helper pods, the lock'
complete -c shardctl -n "__fish_shardctl_needs_command" -f -a "render" -d 'The reference workload\'s manifests for a phase: printed, or as a kustomization in a folder'
complete -c shardctl -n "__fish_shardctl_needs_command" -f -a "report" -d 'A page of a run, from the events that it wrote with -o json: the timeline, the seconds down, what was done by whom'
complete -c shardctl -n "__fish_shardctl_needs_command" -f -a "snapshot" -d 'Save what was observed, to a file or standard output'
complete -c shardctl -n "__fish_shardctl_needs_command" -f -a "explain" -d 'A check\'s page (what it reads, why it matters, how to mend it), a refusal\'s, or a runbook'
complete -c shardctl -n "__fish_shardctl_needs_command" -f -a "config" -d 'The configuration in force'
complete -c shardctl -n "__fish_shardctl_needs_command" -f -a "rbac" -d 'The Roles that shardctl needs, as YAML'
complete -c shardctl -n "__fish_shardctl_needs_command" -f -a "completions" -d 'Completions for a shell, to standard output'
complete -c shardctl -n "__fish_shardctl_needs_command" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c shardctl -n "__fish_shardctl_using_subcommand verify" -s o -l output -d 'The form of the result' -r -f -a "text\t'Every check, for people'
short\t'Only what isn\'t green, for people'
json\t'JSON, described in docs/json.md'
junit\t'JUnit XML, for CI systems'
prometheus\t'Prometheus\' text format'"
complete -c shardctl -n "__fish_shardctl_using_subcommand verify" -l only -d 'Only these checks; may be repeated, or separated by commas' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand verify" -l skip -d 'Not these checks; they are counted and shown as skipped' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand verify" -l expect -d 'How many shards there should be [default: an integer minAvailable, then spec.replicas]' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand verify" -l phase -d 'The phase to judge by [default: inferred from the template]' -r -f -a "explore\t'Karpenter picks among sizes'
stable\t'One size pinned, protected from disruption'"
complete -c shardctl -n "__fish_shardctl_using_subcommand verify" -l dns -d 'How name servers are asked: port-forward, exec, system, or IP:PORT [default: port-forward; system inside a pod]' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand verify" -l dns-timeout -d 'How long one DNS question may take [default: 2s]' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand verify" -l cluster-domain -d 'The cluster\'s DNS domain [default: from CoreDNS\'s configuration, or resolv.conf inside a shard]' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand verify" -l wait -d 'Take whole new snapshots until healthy, for so long' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand verify" -l interval -d 'The pause between two snapshots' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand verify" -l from -d 'Judge a saved snapshot instead of a cluster; with `demo`, the demo\'s cluster (a file of that name is ./demo)' -r -F
complete -c shardctl -n "__fish_shardctl_using_subcommand verify" -l kubeconfig -d 'The kubeconfig file [default: $KUBECONFIG, ~/.kube/config, or the pod\'s service account]' -r -F
complete -c shardctl -n "__fish_shardctl_using_subcommand verify" -l context -d 'The kubeconfig context [env: SHARDCTL_CONTEXT]' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand verify" -s n -l namespace -d 'The namespace of the set [env: SHARDCTL_NAMESPACE] [default: the context\'s]' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand verify" -l statefulset -d 'The StatefulSet [env: SHARDCTL_STATEFULSET] [default: the only one of the namespace]' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand verify" -l as -d 'The user to act as' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand verify" -l as-group -d 'A group to act as; may be repeated' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand verify" -l request-timeout -d 'How long one request may take, for example 5s or 1m; 0 for no limit [env: SHARDCTL_REQUEST_TIMEOUT] [default: 30s]' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand verify" -l config -d 'The configuration file [default: the nearest shardctl.toml upwards, then the user\'s configuration folder]' -r -F
complete -c shardctl -n "__fish_shardctl_using_subcommand verify" -l color -d 'Colour [env: SHARDCTL_COLOR, NO_COLOR] [default: auto]' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c shardctl -n "__fish_shardctl_using_subcommand verify" -l probe-protection -d 'Also try whether the server would refuse to evict a shard (a dry run, nothing is evicted)'
complete -c shardctl -n "__fish_shardctl_using_subcommand verify" -l watch -d 'Take whole new snapshots until interrupted, and say what changed'
complete -c shardctl -n "__fish_shardctl_using_subcommand verify" -s q -l quiet -d 'Print less: no progress on standard error'
complete -c shardctl -n "__fish_shardctl_using_subcommand verify" -s v -l verbose -d 'Print more: what an error was caused by'
complete -c shardctl -n "__fish_shardctl_using_subcommand verify" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c shardctl -n "__fish_shardctl_using_subcommand verify" -s V -l version -d 'Print version'
complete -c shardctl -n "__fish_shardctl_using_subcommand status" -s o -l output -d 'The form of the result' -r -f -a "text\t'For people'
json\t'JSON, described in docs/json.md'"
complete -c shardctl -n "__fish_shardctl_using_subcommand status" -l expect -d 'How many shards there should be [default: an integer minAvailable, then spec.replicas]' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand status" -l from -d 'Judge a saved snapshot instead of a cluster; with `demo`, the demo\'s cluster (a file of that name is ./demo)' -r -F
complete -c shardctl -n "__fish_shardctl_using_subcommand status" -l kubeconfig -d 'The kubeconfig file [default: $KUBECONFIG, ~/.kube/config, or the pod\'s service account]' -r -F
complete -c shardctl -n "__fish_shardctl_using_subcommand status" -l context -d 'The kubeconfig context [env: SHARDCTL_CONTEXT]' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand status" -s n -l namespace -d 'The namespace of the set [env: SHARDCTL_NAMESPACE] [default: the context\'s]' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand status" -l statefulset -d 'The StatefulSet [env: SHARDCTL_STATEFULSET] [default: the only one of the namespace]' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand status" -l as -d 'The user to act as' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand status" -l as-group -d 'A group to act as; may be repeated' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand status" -l request-timeout -d 'How long one request may take, for example 5s or 1m; 0 for no limit [env: SHARDCTL_REQUEST_TIMEOUT] [default: 30s]' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand status" -l config -d 'The configuration file [default: the nearest shardctl.toml upwards, then the user\'s configuration folder]' -r -F
complete -c shardctl -n "__fish_shardctl_using_subcommand status" -l color -d 'Colour [env: SHARDCTL_COLOR, NO_COLOR] [default: auto]' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c shardctl -n "__fish_shardctl_using_subcommand status" -s q -l quiet -d 'Print less: no progress on standard error'
complete -c shardctl -n "__fish_shardctl_using_subcommand status" -s v -l verbose -d 'Print more: what an error was caused by'
complete -c shardctl -n "__fish_shardctl_using_subcommand status" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c shardctl -n "__fish_shardctl_using_subcommand status" -s V -l version -d 'Print version'
complete -c shardctl -n "__fish_shardctl_using_subcommand events" -s o -l output -d 'The form of the result' -r -f -a "text\t'A line each, for people'
json\t'A JSON object a line, described in docs/json.md'"
complete -c shardctl -n "__fish_shardctl_using_subcommand events" -l since -d 'Only what was said in the last so long, for example 10m' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand events" -l from -d 'Read a saved snapshot instead of a cluster; with `demo`, the demo\'s cluster (a file of that name is ./demo)' -r -F
complete -c shardctl -n "__fish_shardctl_using_subcommand events" -l kubeconfig -d 'The kubeconfig file [default: $KUBECONFIG, ~/.kube/config, or the pod\'s service account]' -r -F
complete -c shardctl -n "__fish_shardctl_using_subcommand events" -l context -d 'The kubeconfig context [env: SHARDCTL_CONTEXT]' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand events" -s n -l namespace -d 'The namespace of the set [env: SHARDCTL_NAMESPACE] [default: the context\'s]' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand events" -l statefulset -d 'The StatefulSet [env: SHARDCTL_STATEFULSET] [default: the only one of the namespace]' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand events" -l as -d 'The user to act as' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand events" -l as-group -d 'A group to act as; may be repeated' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand events" -l request-timeout -d 'How long one request may take, for example 5s or 1m; 0 for no limit [env: SHARDCTL_REQUEST_TIMEOUT] [default: 30s]' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand events" -l config -d 'The configuration file [default: the nearest shardctl.toml upwards, then the user\'s configuration folder]' -r -F
complete -c shardctl -n "__fish_shardctl_using_subcommand events" -l color -d 'Colour [env: SHARDCTL_COLOR, NO_COLOR] [default: auto]' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c shardctl -n "__fish_shardctl_using_subcommand events" -s w -l watch -d 'Go on with what is said from now on, until interrupted'
complete -c shardctl -n "__fish_shardctl_using_subcommand events" -s q -l quiet -d 'Print less: no progress on standard error'
complete -c shardctl -n "__fish_shardctl_using_subcommand events" -s v -l verbose -d 'Print more: what an error was caused by'
complete -c shardctl -n "__fish_shardctl_using_subcommand events" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c shardctl -n "__fish_shardctl_using_subcommand events" -s V -l version -d 'Print version'
complete -c shardctl -n "__fish_shardctl_using_subcommand route-test" -l entry -d 'The entries; separated by commas [default: lb,shards]' -r -f -a "lb\t'The load balancers that lead to every shard'
shards\t'Every shard, through a port-forward'
in-cluster\t'Every shard\'s DNS name, by curl or wget inside a shard'"
complete -c shardctl -n "__fish_shardctl_using_subcommand route-test" -l url -d 'Also this address, for example an ingress; with {key} it is asked as it is, else --path comes after it; may be repeated' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand route-test" -l port -d 'The shards\' port, by name or number [default: their only one, or the one named http]' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand route-test" -l host -d 'The host to ask for, at every entry but --url [default: the entry\'s own name]' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand route-test" -l expect -d 'How many shards there should be [default: an integer minAvailable, then spec.replicas]' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand route-test" -l cluster-domain -d 'The cluster\'s DNS domain [default: from CoreDNS\'s configuration, or resolv.conf inside a shard]' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand route-test" -l probe -d 'How shards are asked: http, tcp (is a connection taken?), or exec:CMD (a command inside each; its answer is the role)' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand route-test" -l method -d 'The method' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand route-test" -l path -d 'The path; {key} stands for the key' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand route-test" -l query -d 'The query; {key} stands for the key [default: key={key}, where nothing else holds it]' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand route-test" -l header -d 'A header; {key} stands for the key; may be repeated' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand route-test" -l body -d 'The body; {key} stands for the key' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand route-test" -l expect-status -d 'The statuses that count as an answer; separated by commas [default: 200 to 299]' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand route-test" -l keys -d 'So many made keys, the same in every run [default: 200]' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand route-test" -l key-file -d 'A file with a key a line; - for standard input' -r -F
complete -c shardctl -n "__fish_shardctl_using_subcommand route-test" -l rounds -d 'How often each key is asked about at each entry: two rounds see one that changes its mind' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand route-test" -l identity-header -d 'The header that says who served the request; may be repeated, the first that is there counts' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand route-test" -l identity-json -d 'The place in a JSON body that says it, as a pointer (/shard/name); may be repeated' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand route-test" -l identity-regex -d 'A regular expression whose first group finds it in the body; may be repeated [default: the name of a pod of the set]' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand route-test" -l owner-header -d 'The header that says whose key it is, where that is told apart from who served it' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand route-test" -l owner-json -d 'The place in a JSON body that says it' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand route-test" -l owner-regex -d 'A regular expression whose first group finds it in the body' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand route-test" -l ca -d 'Trust the authorities of this PEM file, and no others' -r -F
complete -c shardctl -n "__fish_shardctl_using_subcommand route-test" -l concurrency -d 'How many requests are under way at once' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand route-test" -l rate -d 'How many requests a second at most; 0 for as many as --concurrency gives' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand route-test" -l timeout -d 'How long a connection may take, its name and TLS included, and then the answer as long again' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand route-test" -l compare -d 'Hold whose each key is against a file of --save: none may have moved between shards that last' -r -F
complete -c shardctl -n "__fish_shardctl_using_subcommand route-test" -s o -l output -d 'The form of the result' -r -f -a "text\t'A table of entries and owners, for people'
json\t'JSON, described in docs/json.md'
junit\t'JUnit XML, for CI systems'"
complete -c shardctl -n "__fish_shardctl_using_subcommand route-test" -l probe-image -d 'Where the shards\' image has neither curl nor wget, ask from inside by a helper pod of this image; it is deleted afterwards' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand route-test" -l save -d 'Write whose each key is to a file, for --compare' -r -F
complete -c shardctl -n "__fish_shardctl_using_subcommand route-test" -l from -d 'With `demo`, ask the shards of the demo\'s cluster, where no request leaves this process' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand route-test" -l kubeconfig -d 'The kubeconfig file [default: $KUBECONFIG, ~/.kube/config, or the pod\'s service account]' -r -F
complete -c shardctl -n "__fish_shardctl_using_subcommand route-test" -l context -d 'The kubeconfig context [env: SHARDCTL_CONTEXT]' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand route-test" -s n -l namespace -d 'The namespace of the set [env: SHARDCTL_NAMESPACE] [default: the context\'s]' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand route-test" -l statefulset -d 'The StatefulSet [env: SHARDCTL_STATEFULSET] [default: the only one of the namespace]' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand route-test" -l as -d 'The user to act as' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand route-test" -l as-group -d 'A group to act as; may be repeated' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand route-test" -l request-timeout -d 'How long one request may take, for example 5s or 1m; 0 for no limit [env: SHARDCTL_REQUEST_TIMEOUT] [default: 30s]' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand route-test" -l config -d 'The configuration file [default: the nearest shardctl.toml upwards, then the user\'s configuration folder]' -r -F
complete -c shardctl -n "__fish_shardctl_using_subcommand route-test" -l color -d 'Colour [env: SHARDCTL_COLOR, NO_COLOR] [default: auto]' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c shardctl -n "__fish_shardctl_using_subcommand route-test" -l http2 -d 'HTTP/2 instead of HTTP/1.1'
complete -c shardctl -n "__fish_shardctl_using_subcommand route-test" -l tls -d 'Speak TLS, at every entry but --url'
complete -c shardctl -n "__fish_shardctl_using_subcommand route-test" -l insecure -d 'Look at no certificate: anybody may be the one who answers'
complete -c shardctl -n "__fish_shardctl_using_subcommand route-test" -s y -l yes -d 'Don\'t ask before a helper pod is made'
complete -c shardctl -n "__fish_shardctl_using_subcommand route-test" -s q -l quiet -d 'Print less: no progress on standard error'
complete -c shardctl -n "__fish_shardctl_using_subcommand route-test" -s v -l verbose -d 'Print more: what an error was caused by'
complete -c shardctl -n "__fish_shardctl_using_subcommand route-test" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c shardctl -n "__fish_shardctl_using_subcommand route-test" -s V -l version -d 'Print version'
complete -c shardctl -n "__fish_shardctl_using_subcommand packing-summary" -s o -l output -d 'The form of the result' -r -f -a "text\t'For people: the answer, then tables as wide as the terminal'
wide\t'The same with every column and more sizes'
json\t'JSON, described in docs/json.md'
csv\t'A table with a line of column names, for spreadsheets'"
complete -c shardctl -n "__fish_shardctl_using_subcommand packing-summary" -l table -d 'Which table, with -o csv' -r -f -a "nodes\t'A row for each node that is there'
sizes\t'A row for each size that may be bought'
layouts\t'A row for each size in each zone of each layout'"
complete -c shardctl -n "__fish_shardctl_using_subcommand packing-summary" -l pools -d 'Write a layout as NodePools for kubectl apply, one for each size in each zone, instead of the summary' -r -f -a "cheapest\t'The cheapest'
balanced\t'The fewest shards lost with a node for at most a tenth more'
most-available\t'One shard a node'
of-one-size\t'The best of one size'"
complete -c shardctl -n "__fish_shardctl_using_subcommand packing-summary" -l surge -d 'For how many nodes beyond the layout each of the pools has room [default: 0, so that just the layout is bought]' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand packing-summary" -l shards -d 'So many shards' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand packing-summary" -l memory -d 'A shard\'s memory, for example 32Gi' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand packing-summary" -l cpu -d 'A shard\'s CPU, for example 2 or 1500m' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand packing-summary" -l zones -d 'So many shards in each zone: 4,3,3 in the order of the zones\' names, or eastus-1=4,eastus-2=3' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand packing-summary" -l max-shards-per-node -d 'At most so many shards down when a node dies' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand packing-summary" -l max-shards-per-zone -d 'At most so many shards down when a zone dies' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand packing-summary" -l sizes -d 'Only these sizes, by name or with one `*`; may be repeated, or separated by commas' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand packing-summary" -l exclude -d 'Not these sizes, in the same form' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand packing-summary" -l arch -d 'Only machines of these architectures [default: those of the shards\' nodes]' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand packing-summary" -l region -d 'The region whose prices count [default: the one that the nodes name]' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand packing-summary" -l pay -d 'How machines of a layout are paid for' -r -f -a "on-demand\t'By the hour, at the list\'s price'
spot\t'As long as nobody else wants them'
savings-1y\t'A savings plan for one year'
savings-3y\t'A savings plan for three years'
reserved-1y\t'Reserved for one year'
reserved-3y\t'Reserved for three years'"
complete -c shardctl -n "__fish_shardctl_using_subcommand packing-summary" -l discount -d 'What comes off every listed price, for example 12%' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand packing-summary" -l price-file -d 'Prices of your own, in place of the built-in ones where the file has some; described in docs/packing.md' -r -F
complete -c shardctl -n "__fish_shardctl_using_subcommand packing-summary" -l prices-url -d 'Where that list is, for a mirror of it [default: Azure\'s own, at prices.azure.com]' -r -f
complete -c shardctl -n "__fish_shardctl_using_subcommand packing-summary" -l catalog -d 'Sizes and prices of your own, in place of the built-in ones: for EKS and others; described in docs/packing.md' -r -F
complete -c shardctl -n "__fish_shardctl_using_subcommand packing-summary" -l kubelet -d 'The model of what fits [default: by the cloud of the nodes]' -r -f -a "karpenter-azure\t'Karpenter on Azure'
karpenter-azure-1919\t'Karpenter on Azure as its pull request 1919 would have it'
kubelet-aks\t'The kubelet of AKS since Kubernetes 1.29'
kubelet-aks-hardened\t'The kubelet of AKS with node hardening'
karpenter-aws\t'Karpenter on AWS'"
complete -c shardctl -n "__fish_shardctl_using_subcommand packing-summary" -l forecast -d 'The model of what Karpenter counts with when it buys [default: by the cloud of the nodes]' -r -f -a "karpenter-azure\t'Karpenter on Azure'
karpenter-azure-1919\t'Karpenter on Azure as its pull request 1919 would have it'
kubelet-aks\t'The kubelet of AKS since Kubernetes 1.29'
kubelet-aks-hardened\t'The kubelet of AKS with node hardening'
karpenter-aws\t'Karpenter on AWS'"
complete -c shardctl -n "__fish_shardctl_using_subcommand packing-summary" -l max-pods -d 'How many pods a node takes [default: the fewest of any node]' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand packing-summary" -l from -d 'Read a saved snapshot instead of a cluster; with `demo`, the demo\'s cluster (a file of that name is ./demo)' -r -F
complete -c shardctl -n "__fish_shardctl_using_subcommand packing-summary" -l kubeconfig -d 'The kubeconfig file [default: $KUBECONFIG, ~/.kube/config, or the pod\'s service account]' -r -F
complete -c shardctl -n "__fish_shardctl_using_subcommand packing-summary" -l context -d 'The kubeconfig context [env: SHARDCTL_CONTEXT]' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand packing-summary" -s n -l namespace -d 'The namespace of the set [env: SHARDCTL_NAMESPACE] [default: the context\'s]' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand packing-summary" -l statefulset -d 'The StatefulSet [env: SHARDCTL_STATEFULSET] [default: the only one of the namespace]' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand packing-summary" -l as -d 'The user to act as' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand packing-summary" -l as-group -d 'A group to act as; may be repeated' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand packing-summary" -l request-timeout -d 'How long one request may take, for example 5s or 1m; 0 for no limit [env: SHARDCTL_REQUEST_TIMEOUT] [default: 30s]' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand packing-summary" -l config -d 'The configuration file [default: the nearest shardctl.toml upwards, then the user\'s configuration folder]' -r -F
complete -c shardctl -n "__fish_shardctl_using_subcommand packing-summary" -l color -d 'Colour [env: SHARDCTL_COLOR, NO_COLOR] [default: auto]' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c shardctl -n "__fish_shardctl_using_subcommand packing-summary" -s w -l watch -d 'Go on, and show what changes until interrupted: in place on a terminal, elsewhere a line a change'
complete -c shardctl -n "__fish_shardctl_using_subcommand packing-summary" -l refresh-prices -d 'Ask Azure\'s public list for the region\'s prices, of machines and of disks; later runs go on using them'
complete -c shardctl -n "__fish_shardctl_using_subcommand packing-summary" -s q -l quiet -d 'Print less: no progress on standard error'
complete -c shardctl -n "__fish_shardctl_using_subcommand packing-summary" -s v -l verbose -d 'Print more: what an error was caused by'
complete -c shardctl -n "__fish_shardctl_using_subcommand packing-summary" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c shardctl -n "__fish_shardctl_using_subcommand packing-summary" -s V -l version -d 'Print version'
complete -c shardctl -n "__fish_shardctl_using_subcommand upgrade; and not __fish_seen_subcommand_from status undo help" -l image -d 'The new image, REF or CONTAINER=REF; may be repeated. Without it, the template that is pending' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand upgrade; and not __fish_seen_subcommand_from status undo help" -l only -d 'Only these shards, by their numbers; separated by commas' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand upgrade; and not __fish_seen_subcommand_from status undo help" -l canary -d 'Stop after so many shards and ask; without a terminal, stop' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand upgrade; and not __fish_seen_subcommand_from status undo help" -l on-failure -d 'When a shard can\'t come up: stop, or put the template back and let that shard heal' -r -f -a "halt\t'Stop, and leave it as it is'
undo\t'Put the template back and delete the stuck pod'"
complete -c shardctl -n "__fish_shardctl_using_subcommand upgrade; and not __fish_seen_subcommand_from status undo help" -l last -d 'These shards last, by their numbers: where the writer or primary lives' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand upgrade; and not __fish_seen_subcommand_from status undo help" -l pause -d 'Wait this long between two shards' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand upgrade; and not __fish_seen_subcommand_from status undo help" -l gate -d 'What must hold between two shards: verify, route-test (with its flags, in quotes), or exec:CMD (a command that ends with 0)' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand upgrade; and not __fish_seen_subcommand_from status undo help" -l before -d 'A command before each shard is taken down; it gets SHARDCTL_SHARD and SHARDCTL_ORDINAL' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand upgrade; and not __fish_seen_subcommand_from status undo help" -l after -d 'A command after each shard is Ready again' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand upgrade; and not __fish_seen_subcommand_from status undo help" -l deadline -d 'Start no shard that can\'t finish by then: 90m, or 2026-11-21T06:00:00Z' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand upgrade; and not __fish_seen_subcommand_from status undo help" -l min-ready -d 'How long a shard must be Ready, where that is more than minReadySeconds' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand upgrade; and not __fish_seen_subcommand_from status undo help" -l shard-timeout -d 'How long a shard may be down beyond its grace period, and a node may take to be ready for it' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand upgrade; and not __fish_seen_subcommand_from status undo help" -l max-restarts -d 'How often a container may restart before its shard counts as failed' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand upgrade; and not __fish_seen_subcommand_from status undo help" -l expect -d 'How many shards there should be [default: an integer minAvailable, then spec.replicas]' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand upgrade; and not __fish_seen_subcommand_from status undo help" -l allow -d 'Go on in spite of a refusal, by its id; may be repeated. What guards data can\'t be allowed' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand upgrade; and not __fish_seen_subcommand_from status undo help" -l dry-run -d 'Print what would be done and change nothing: client reads only, server lets the API server try each kind of write' -r -f -a "client\t'Read, judge, print'
server\t'Let the server try each kind of write as well'"
complete -c shardctl -n "__fish_shardctl_using_subcommand upgrade; and not __fish_seen_subcommand_from status undo help" -l lease-duration -d 'How long the lock outlives a run that was killed' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand upgrade; and not __fish_seen_subcommand_from status undo help" -s o -l output -d 'The form of the progress and the end: text, or json with one event a line' -r -f -a "text\t'For people'
json\t'JSON, described in docs/json.md'"
complete -c shardctl -n "__fish_shardctl_using_subcommand upgrade; and not __fish_seen_subcommand_from status undo help" -l report -d 'Write a page of the run there when it is over, however it ends: one HTML file that loads nothing' -r -F
complete -c shardctl -n "__fish_shardctl_using_subcommand upgrade; and not __fish_seen_subcommand_from status undo help" -l from -d 'Rehearse on a saved snapshot instead of a cluster: nothing is asked at all; with `demo`, on the demo\'s cluster (a file of that name is ./demo)' -r -F
complete -c shardctl -n "__fish_shardctl_using_subcommand upgrade; and not __fish_seen_subcommand_from status undo help" -l kubeconfig -d 'The kubeconfig file [default: $KUBECONFIG, ~/.kube/config, or the pod\'s service account]' -r -F
complete -c shardctl -n "__fish_shardctl_using_subcommand upgrade; and not __fish_seen_subcommand_from status undo help" -l context -d 'The kubeconfig context [env: SHARDCTL_CONTEXT]' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand upgrade; and not __fish_seen_subcommand_from status undo help" -s n -l namespace -d 'The namespace of the set [env: SHARDCTL_NAMESPACE] [default: the context\'s]' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand upgrade; and not __fish_seen_subcommand_from status undo help" -l statefulset -d 'The StatefulSet [env: SHARDCTL_STATEFULSET] [default: the only one of the namespace]' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand upgrade; and not __fish_seen_subcommand_from status undo help" -l as -d 'The user to act as' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand upgrade; and not __fish_seen_subcommand_from status undo help" -l as-group -d 'A group to act as; may be repeated' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand upgrade; and not __fish_seen_subcommand_from status undo help" -l request-timeout -d 'How long one request may take, for example 5s or 1m; 0 for no limit [env: SHARDCTL_REQUEST_TIMEOUT] [default: 30s]' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand upgrade; and not __fish_seen_subcommand_from status undo help" -l config -d 'The configuration file [default: the nearest shardctl.toml upwards, then the user\'s configuration folder]' -r -F
complete -c shardctl -n "__fish_shardctl_using_subcommand upgrade; and not __fish_seen_subcommand_from status undo help" -l color -d 'Colour [env: SHARDCTL_COLOR, NO_COLOR] [default: auto]' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c shardctl -n "__fish_shardctl_using_subcommand upgrade; and not __fish_seen_subcommand_from status undo help" -l restart -d 'The same template, new pods: stamps the template; run again, it goes on with that stamp'
complete -c shardctl -n "__fish_shardctl_using_subcommand upgrade; and not __fish_seen_subcommand_from status undo help" -l no-prepull -d 'Don\'t fetch the images beforehand: a bad one is then found when a shard is down'
complete -c shardctl -n "__fish_shardctl_using_subcommand upgrade; and not __fish_seen_subcommand_from status undo help" -s y -l yes -d 'Don\'t ask'
complete -c shardctl -n "__fish_shardctl_using_subcommand upgrade; and not __fish_seen_subcommand_from status undo help" -l rehearse -d 'Play it on a copy of the cluster inside this process, in a moment: what would happen, when, and what would get stuck. Only reads'
complete -c shardctl -n "__fish_shardctl_using_subcommand upgrade; and not __fish_seen_subcommand_from status undo help" -s q -l quiet -d 'Print less: no progress on standard error'
complete -c shardctl -n "__fish_shardctl_using_subcommand upgrade; and not __fish_seen_subcommand_from status undo help" -s v -l verbose -d 'Print more: what an error was caused by'
complete -c shardctl -n "__fish_shardctl_using_subcommand upgrade; and not __fish_seen_subcommand_from status undo help" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c shardctl -n "__fish_shardctl_using_subcommand upgrade; and not __fish_seen_subcommand_from status undo help" -s V -l version -d 'Print version'
complete -c shardctl -n "__fish_shardctl_using_subcommand upgrade; and not __fish_seen_subcommand_from status undo help" -f -a "status" -d 'How far an upgrade is: each shard\'s revision, who is at it, how to go on or back'
complete -c shardctl -n "__fish_shardctl_using_subcommand upgrade; and not __fish_seen_subcommand_from status undo help" -f -a "undo" -d 'Put the template before back, and bring every shard to it, one at a time'
complete -c shardctl -n "__fish_shardctl_using_subcommand upgrade; and not __fish_seen_subcommand_from status undo help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c shardctl -n "__fish_shardctl_using_subcommand upgrade; and __fish_seen_subcommand_from status" -s o -l output -d 'The form of the result' -r -f -a "text\t'For people'
json\t'JSON, described in docs/json.md'"
complete -c shardctl -n "__fish_shardctl_using_subcommand upgrade; and __fish_seen_subcommand_from status" -l from -d 'Judge a saved snapshot instead of a cluster; with `demo`, the demo\'s cluster (a file of that name is ./demo)' -r -F
complete -c shardctl -n "__fish_shardctl_using_subcommand upgrade; and __fish_seen_subcommand_from status" -l kubeconfig -d 'The kubeconfig file [default: $KUBECONFIG, ~/.kube/config, or the pod\'s service account]' -r -F
complete -c shardctl -n "__fish_shardctl_using_subcommand upgrade; and __fish_seen_subcommand_from status" -l context -d 'The kubeconfig context [env: SHARDCTL_CONTEXT]' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand upgrade; and __fish_seen_subcommand_from status" -s n -l namespace -d 'The namespace of the set [env: SHARDCTL_NAMESPACE] [default: the context\'s]' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand upgrade; and __fish_seen_subcommand_from status" -l statefulset -d 'The StatefulSet [env: SHARDCTL_STATEFULSET] [default: the only one of the namespace]' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand upgrade; and __fish_seen_subcommand_from status" -l as -d 'The user to act as' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand upgrade; and __fish_seen_subcommand_from status" -l as-group -d 'A group to act as; may be repeated' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand upgrade; and __fish_seen_subcommand_from status" -l request-timeout -d 'How long one request may take, for example 5s or 1m; 0 for no limit [env: SHARDCTL_REQUEST_TIMEOUT] [default: 30s]' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand upgrade; and __fish_seen_subcommand_from status" -l config -d 'The configuration file [default: the nearest shardctl.toml upwards, then the user\'s configuration folder]' -r -F
complete -c shardctl -n "__fish_shardctl_using_subcommand upgrade; and __fish_seen_subcommand_from status" -l color -d 'Colour [env: SHARDCTL_COLOR, NO_COLOR] [default: auto]' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c shardctl -n "__fish_shardctl_using_subcommand upgrade; and __fish_seen_subcommand_from status" -s q -l quiet -d 'Print less: no progress on standard error'
complete -c shardctl -n "__fish_shardctl_using_subcommand upgrade; and __fish_seen_subcommand_from status" -s v -l verbose -d 'Print more: what an error was caused by'
complete -c shardctl -n "__fish_shardctl_using_subcommand upgrade; and __fish_seen_subcommand_from status" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c shardctl -n "__fish_shardctl_using_subcommand upgrade; and __fish_seen_subcommand_from status" -s V -l version -d 'Print version'
complete -c shardctl -n "__fish_shardctl_using_subcommand upgrade; and __fish_seen_subcommand_from undo" -l to-revision -d 'The revision to go to, by its name; without it, the one before the last change that shardctl made' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand upgrade; and __fish_seen_subcommand_from undo" -l only -d 'Only these shards, by their numbers; separated by commas' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand upgrade; and __fish_seen_subcommand_from undo" -l canary -d 'Stop after so many shards and ask; without a terminal, stop' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand upgrade; and __fish_seen_subcommand_from undo" -l on-failure -d 'When a shard can\'t come up: stop, or put the template back and let that shard heal' -r -f -a "halt\t'Stop, and leave it as it is'
undo\t'Put the template back and delete the stuck pod'"
complete -c shardctl -n "__fish_shardctl_using_subcommand upgrade; and __fish_seen_subcommand_from undo" -l last -d 'These shards last, by their numbers: where the writer or primary lives' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand upgrade; and __fish_seen_subcommand_from undo" -l pause -d 'Wait this long between two shards' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand upgrade; and __fish_seen_subcommand_from undo" -l gate -d 'What must hold between two shards: verify, route-test (with its flags, in quotes), or exec:CMD (a command that ends with 0)' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand upgrade; and __fish_seen_subcommand_from undo" -l before -d 'A command before each shard is taken down; it gets SHARDCTL_SHARD and SHARDCTL_ORDINAL' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand upgrade; and __fish_seen_subcommand_from undo" -l after -d 'A command after each shard is Ready again' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand upgrade; and __fish_seen_subcommand_from undo" -l deadline -d 'Start no shard that can\'t finish by then: 90m, or 2026-11-21T06:00:00Z' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand upgrade; and __fish_seen_subcommand_from undo" -l min-ready -d 'How long a shard must be Ready, where that is more than minReadySeconds' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand upgrade; and __fish_seen_subcommand_from undo" -l shard-timeout -d 'How long a shard may be down beyond its grace period, and a node may take to be ready for it' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand upgrade; and __fish_seen_subcommand_from undo" -l max-restarts -d 'How often a container may restart before its shard counts as failed' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand upgrade; and __fish_seen_subcommand_from undo" -l expect -d 'How many shards there should be [default: an integer minAvailable, then spec.replicas]' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand upgrade; and __fish_seen_subcommand_from undo" -l allow -d 'Go on in spite of a refusal, by its id; may be repeated. What guards data can\'t be allowed' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand upgrade; and __fish_seen_subcommand_from undo" -l dry-run -d 'Print what would be done and change nothing: client reads only, server lets the API server try each kind of write' -r -f -a "client\t'Read, judge, print'
server\t'Let the server try each kind of write as well'"
complete -c shardctl -n "__fish_shardctl_using_subcommand upgrade; and __fish_seen_subcommand_from undo" -l lease-duration -d 'How long the lock outlives a run that was killed' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand upgrade; and __fish_seen_subcommand_from undo" -s o -l output -d 'The form of the progress and the end: text, or json with one event a line' -r -f -a "text\t'For people'
json\t'JSON, described in docs/json.md'"
complete -c shardctl -n "__fish_shardctl_using_subcommand upgrade; and __fish_seen_subcommand_from undo" -l report -d 'Write a page of the run there when it is over, however it ends: one HTML file that loads nothing' -r -F
complete -c shardctl -n "__fish_shardctl_using_subcommand upgrade; and __fish_seen_subcommand_from undo" -l from -d 'Rehearse on a saved snapshot instead of a cluster: nothing is asked at all; with `demo`, on the demo\'s cluster (a file of that name is ./demo)' -r -F
complete -c shardctl -n "__fish_shardctl_using_subcommand upgrade; and __fish_seen_subcommand_from undo" -l kubeconfig -d 'The kubeconfig file [default: $KUBECONFIG, ~/.kube/config, or the pod\'s service account]' -r -F
complete -c shardctl -n "__fish_shardctl_using_subcommand upgrade; and __fish_seen_subcommand_from undo" -l context -d 'The kubeconfig context [env: SHARDCTL_CONTEXT]' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand upgrade; and __fish_seen_subcommand_from undo" -s n -l namespace -d 'The namespace of the set [env: SHARDCTL_NAMESPACE] [default: the context\'s]' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand upgrade; and __fish_seen_subcommand_from undo" -l statefulset -d 'The StatefulSet [env: SHARDCTL_STATEFULSET] [default: the only one of the namespace]' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand upgrade; and __fish_seen_subcommand_from undo" -l as -d 'The user to act as' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand upgrade; and __fish_seen_subcommand_from undo" -l as-group -d 'A group to act as; may be repeated' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand upgrade; and __fish_seen_subcommand_from undo" -l request-timeout -d 'How long one request may take, for example 5s or 1m; 0 for no limit [env: SHARDCTL_REQUEST_TIMEOUT] [default: 30s]' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand upgrade; and __fish_seen_subcommand_from undo" -l config -d 'The configuration file [default: the nearest shardctl.toml upwards, then the user\'s configuration folder]' -r -F
complete -c shardctl -n "__fish_shardctl_using_subcommand upgrade; and __fish_seen_subcommand_from undo" -l color -d 'Colour [env: SHARDCTL_COLOR, NO_COLOR] [default: auto]' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c shardctl -n "__fish_shardctl_using_subcommand upgrade; and __fish_seen_subcommand_from undo" -l no-prepull -d 'Don\'t fetch the images beforehand: a bad one is then found when a shard is down'
complete -c shardctl -n "__fish_shardctl_using_subcommand upgrade; and __fish_seen_subcommand_from undo" -s y -l yes -d 'Don\'t ask'
complete -c shardctl -n "__fish_shardctl_using_subcommand upgrade; and __fish_seen_subcommand_from undo" -l rehearse -d 'Play it on a copy of the cluster inside this process, in a moment: what would happen, when, and what would get stuck. Only reads'
complete -c shardctl -n "__fish_shardctl_using_subcommand upgrade; and __fish_seen_subcommand_from undo" -s q -l quiet -d 'Print less: no progress on standard error'
complete -c shardctl -n "__fish_shardctl_using_subcommand upgrade; and __fish_seen_subcommand_from undo" -s v -l verbose -d 'Print more: what an error was caused by'
complete -c shardctl -n "__fish_shardctl_using_subcommand upgrade; and __fish_seen_subcommand_from undo" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c shardctl -n "__fish_shardctl_using_subcommand upgrade; and __fish_seen_subcommand_from undo" -s V -l version -d 'Print version'
complete -c shardctl -n "__fish_shardctl_using_subcommand upgrade; and __fish_seen_subcommand_from help" -f -a "status" -d 'How far an upgrade is: each shard\'s revision, who is at it, how to go on or back'
complete -c shardctl -n "__fish_shardctl_using_subcommand upgrade; and __fish_seen_subcommand_from help" -f -a "undo" -d 'Put the template before back, and bring every shard to it, one at a time'
complete -c shardctl -n "__fish_shardctl_using_subcommand upgrade; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c shardctl -n "__fish_shardctl_using_subcommand drain" -s l -l selector -d 'The nodes with these labels, one after another' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand drain" -l strategy -d 'How the shards go' -r -f -a "relax\t'One eviction at a time, the budget lowered by one for the milliseconds that it takes'
surge\t'One more shard first, so that the budget lets one go; it joins DNS and the balancer, and goes again'
direct\t'Deletions, one at a time: no budget stops them, no webhook on evictions sees them'
downtime\t'All shards of the node together: the system is down, for the shortest time'"
complete -c shardctl -n "__fish_shardctl_using_subcommand drain" -l prewarm -d 'Whether nodes are made, and images fetched, before a shard is touched: auto does so where a new node is needed' -r -f -a "auto\t'Where a shard would have to wait for a node to be made, or for its image to be fetched'
always\t'For every shard'
never\t'For none'"
complete -c shardctl -n "__fish_shardctl_using_subcommand drain" -l pause-image -d 'The image of the container that holds room on a new node [default: registry.k8s.io/pause:3.10]' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand drain" -l ignore-daemonsets -d 'Leave the pods of DaemonSets where they are; with =false they stop the drain' -r -f -a "true\t''
false\t''"
complete -c shardctl -n "__fish_shardctl_using_subcommand drain" -l delete-emptydir-data -d 'Go on though pods have emptyDir volumes, whose data is lost with them; a shard\'s own needs none of this' -r -f -a "true\t''
false\t''"
complete -c shardctl -n "__fish_shardctl_using_subcommand drain" -l force -d 'Go on though pods have no controller, which nothing makes anew' -r -f -a "true\t''
false\t''"
complete -c shardctl -n "__fish_shardctl_using_subcommand drain" -l grace-period -d 'The seconds that each pod gets to stop; below 0, its own' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand drain" -l timeout -d 'When to give up on the whole; 0 is never' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand drain" -l last -d 'These shards last, by their numbers: where the writer or primary lives' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand drain" -l pause -d 'Wait this long between two shards' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand drain" -l gate -d 'What must hold between two shards: verify, route-test (with its flags, in quotes), or exec:CMD (a command that ends with 0)' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand drain" -l before -d 'A command before each shard is taken down; it gets SHARDCTL_SHARD and SHARDCTL_ORDINAL' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand drain" -l after -d 'A command after each shard is Ready again' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand drain" -l deadline -d 'Start no shard that can\'t finish by then: 90m, or 2026-11-21T06:00:00Z' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand drain" -l min-ready -d 'How long a shard must be Ready, where that is more than minReadySeconds' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand drain" -l shard-timeout -d 'How long a shard may be down beyond its grace period, and a node may take to be ready for it' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand drain" -l max-restarts -d 'How often a container may restart before its shard counts as failed' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand drain" -l expect -d 'How many shards there should be [default: an integer minAvailable, then spec.replicas]' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand drain" -l allow -d 'Go on in spite of a refusal, by its id; may be repeated. What guards data can\'t be allowed' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand drain" -l dry-run -d 'Print what would be done and change nothing: client reads only, server lets the API server try each kind of write' -r -f -a "client\t'Read, judge, print'
server\t'Let the server try each kind of write as well'"
complete -c shardctl -n "__fish_shardctl_using_subcommand drain" -l lease-duration -d 'How long the lock outlives a run that was killed' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand drain" -s o -l output -d 'The form of the progress and the end: text, or json with one event a line' -r -f -a "text\t'For people'
json\t'JSON, described in docs/json.md'"
complete -c shardctl -n "__fish_shardctl_using_subcommand drain" -l report -d 'Write a page of the run there when it is over, however it ends: one HTML file that loads nothing' -r -F
complete -c shardctl -n "__fish_shardctl_using_subcommand drain" -l from -d 'Rehearse on a saved snapshot instead of a cluster: nothing is asked at all; with `demo`, on the demo\'s cluster (a file of that name is ./demo)' -r -F
complete -c shardctl -n "__fish_shardctl_using_subcommand drain" -l confirm -d 'The set\'s name, typed out: what --strategy downtime wants instead of --yes' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand drain" -l kubeconfig -d 'The kubeconfig file [default: $KUBECONFIG, ~/.kube/config, or the pod\'s service account]' -r -F
complete -c shardctl -n "__fish_shardctl_using_subcommand drain" -l context -d 'The kubeconfig context [env: SHARDCTL_CONTEXT]' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand drain" -s n -l namespace -d 'The namespace of the set [env: SHARDCTL_NAMESPACE] [default: the context\'s]' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand drain" -l statefulset -d 'The StatefulSet [env: SHARDCTL_STATEFULSET] [default: the only one of the namespace]' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand drain" -l as -d 'The user to act as' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand drain" -l as-group -d 'A group to act as; may be repeated' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand drain" -l request-timeout -d 'How long one request may take, for example 5s or 1m; 0 for no limit [env: SHARDCTL_REQUEST_TIMEOUT] [default: 30s]' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand drain" -l config -d 'The configuration file [default: the nearest shardctl.toml upwards, then the user\'s configuration folder]' -r -F
complete -c shardctl -n "__fish_shardctl_using_subcommand drain" -l color -d 'Colour [env: SHARDCTL_COLOR, NO_COLOR] [default: auto]' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c shardctl -n "__fish_shardctl_using_subcommand drain" -l then-uncordon -d 'Let each node take pods again when it is empty, the next node\'s among them'
complete -c shardctl -n "__fish_shardctl_using_subcommand drain" -l then-release -d 'Delete each node\'s NodeClaim when it is empty: Karpenter ends the machine'
complete -c shardctl -n "__fish_shardctl_using_subcommand drain" -s y -l yes -d 'Don\'t ask'
complete -c shardctl -n "__fish_shardctl_using_subcommand drain" -l rehearse -d 'Play it on a copy of the cluster inside this process, in a moment: what would happen, when, and what would get stuck. Only reads'
complete -c shardctl -n "__fish_shardctl_using_subcommand drain" -s q -l quiet -d 'Print less: no progress on standard error'
complete -c shardctl -n "__fish_shardctl_using_subcommand drain" -s v -l verbose -d 'Print more: what an error was caused by'
complete -c shardctl -n "__fish_shardctl_using_subcommand drain" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c shardctl -n "__fish_shardctl_using_subcommand drain" -s V -l version -d 'Print version'
complete -c shardctl -n "__fish_shardctl_using_subcommand maintenance-drain" -s l -l selector -d 'The nodes with these labels, one after another' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand maintenance-drain" -l strategy -d 'How the shards go' -r -f -a "relax\t'One eviction at a time, the budget lowered by one for the milliseconds that it takes'
surge\t'One more shard first, so that the budget lets one go; it joins DNS and the balancer, and goes again'
direct\t'Deletions, one at a time: no budget stops them, no webhook on evictions sees them'
downtime\t'All shards of the node together: the system is down, for the shortest time'"
complete -c shardctl -n "__fish_shardctl_using_subcommand maintenance-drain" -l prewarm -d 'Whether nodes are made, and images fetched, before a shard is touched: auto does so where a new node is needed' -r -f -a "auto\t'Where a shard would have to wait for a node to be made, or for its image to be fetched'
always\t'For every shard'
never\t'For none'"
complete -c shardctl -n "__fish_shardctl_using_subcommand maintenance-drain" -l pause-image -d 'The image of the container that holds room on a new node [default: registry.k8s.io/pause:3.10]' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand maintenance-drain" -l ignore-daemonsets -d 'Leave the pods of DaemonSets where they are; with =false they stop the drain' -r -f -a "true\t''
false\t''"
complete -c shardctl -n "__fish_shardctl_using_subcommand maintenance-drain" -l delete-emptydir-data -d 'Go on though pods have emptyDir volumes, whose data is lost with them; a shard\'s own needs none of this' -r -f -a "true\t''
false\t''"
complete -c shardctl -n "__fish_shardctl_using_subcommand maintenance-drain" -l force -d 'Go on though pods have no controller, which nothing makes anew' -r -f -a "true\t''
false\t''"
complete -c shardctl -n "__fish_shardctl_using_subcommand maintenance-drain" -l grace-period -d 'The seconds that each pod gets to stop; below 0, its own' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand maintenance-drain" -l timeout -d 'When to give up on the whole; 0 is never' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand maintenance-drain" -l last -d 'These shards last, by their numbers: where the writer or primary lives' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand maintenance-drain" -l pause -d 'Wait this long between two shards' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand maintenance-drain" -l gate -d 'What must hold between two shards: verify, route-test (with its flags, in quotes), or exec:CMD (a command that ends with 0)' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand maintenance-drain" -l before -d 'A command before each shard is taken down; it gets SHARDCTL_SHARD and SHARDCTL_ORDINAL' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand maintenance-drain" -l after -d 'A command after each shard is Ready again' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand maintenance-drain" -l deadline -d 'Start no shard that can\'t finish by then: 90m, or 2026-11-21T06:00:00Z' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand maintenance-drain" -l min-ready -d 'How long a shard must be Ready, where that is more than minReadySeconds' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand maintenance-drain" -l shard-timeout -d 'How long a shard may be down beyond its grace period, and a node may take to be ready for it' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand maintenance-drain" -l max-restarts -d 'How often a container may restart before its shard counts as failed' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand maintenance-drain" -l expect -d 'How many shards there should be [default: an integer minAvailable, then spec.replicas]' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand maintenance-drain" -l allow -d 'Go on in spite of a refusal, by its id; may be repeated. What guards data can\'t be allowed' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand maintenance-drain" -l dry-run -d 'Print what would be done and change nothing: client reads only, server lets the API server try each kind of write' -r -f -a "client\t'Read, judge, print'
server\t'Let the server try each kind of write as well'"
complete -c shardctl -n "__fish_shardctl_using_subcommand maintenance-drain" -l lease-duration -d 'How long the lock outlives a run that was killed' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand maintenance-drain" -s o -l output -d 'The form of the progress and the end: text, or json with one event a line' -r -f -a "text\t'For people'
json\t'JSON, described in docs/json.md'"
complete -c shardctl -n "__fish_shardctl_using_subcommand maintenance-drain" -l report -d 'Write a page of the run there when it is over, however it ends: one HTML file that loads nothing' -r -F
complete -c shardctl -n "__fish_shardctl_using_subcommand maintenance-drain" -l from -d 'Rehearse on a saved snapshot instead of a cluster: nothing is asked at all; with `demo`, on the demo\'s cluster (a file of that name is ./demo)' -r -F
complete -c shardctl -n "__fish_shardctl_using_subcommand maintenance-drain" -l confirm -d 'The set\'s name, typed out: what --strategy downtime wants instead of --yes' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand maintenance-drain" -l kubeconfig -d 'The kubeconfig file [default: $KUBECONFIG, ~/.kube/config, or the pod\'s service account]' -r -F
complete -c shardctl -n "__fish_shardctl_using_subcommand maintenance-drain" -l context -d 'The kubeconfig context [env: SHARDCTL_CONTEXT]' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand maintenance-drain" -s n -l namespace -d 'The namespace of the set [env: SHARDCTL_NAMESPACE] [default: the context\'s]' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand maintenance-drain" -l statefulset -d 'The StatefulSet [env: SHARDCTL_STATEFULSET] [default: the only one of the namespace]' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand maintenance-drain" -l as -d 'The user to act as' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand maintenance-drain" -l as-group -d 'A group to act as; may be repeated' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand maintenance-drain" -l request-timeout -d 'How long one request may take, for example 5s or 1m; 0 for no limit [env: SHARDCTL_REQUEST_TIMEOUT] [default: 30s]' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand maintenance-drain" -l config -d 'The configuration file [default: the nearest shardctl.toml upwards, then the user\'s configuration folder]' -r -F
complete -c shardctl -n "__fish_shardctl_using_subcommand maintenance-drain" -l color -d 'Colour [env: SHARDCTL_COLOR, NO_COLOR] [default: auto]' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c shardctl -n "__fish_shardctl_using_subcommand maintenance-drain" -l then-uncordon -d 'Let each node take pods again when it is empty, the next node\'s among them'
complete -c shardctl -n "__fish_shardctl_using_subcommand maintenance-drain" -l then-release -d 'Delete each node\'s NodeClaim when it is empty: Karpenter ends the machine'
complete -c shardctl -n "__fish_shardctl_using_subcommand maintenance-drain" -s y -l yes -d 'Don\'t ask'
complete -c shardctl -n "__fish_shardctl_using_subcommand maintenance-drain" -l rehearse -d 'Play it on a copy of the cluster inside this process, in a moment: what would happen, when, and what would get stuck. Only reads'
complete -c shardctl -n "__fish_shardctl_using_subcommand maintenance-drain" -s q -l quiet -d 'Print less: no progress on standard error'
complete -c shardctl -n "__fish_shardctl_using_subcommand maintenance-drain" -s v -l verbose -d 'Print more: what an error was caused by'
complete -c shardctl -n "__fish_shardctl_using_subcommand maintenance-drain" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c shardctl -n "__fish_shardctl_using_subcommand maintenance-drain" -s V -l version -d 'Print version'
complete -c shardctl -n "__fish_shardctl_using_subcommand demo" -l speed -d 'How many seconds of the cluster\'s time go by in one of yours, or `max`' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand demo" -s o -l output -d 'The form of the list' -r -f -a "text\t'For people'
json\t'JSON, described in docs/json.md'"
complete -c shardctl -n "__fish_shardctl_using_subcommand demo" -l kubeconfig -d 'The kubeconfig file [default: $KUBECONFIG, ~/.kube/config, or the pod\'s service account]' -r -F
complete -c shardctl -n "__fish_shardctl_using_subcommand demo" -l context -d 'The kubeconfig context [env: SHARDCTL_CONTEXT]' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand demo" -s n -l namespace -d 'The namespace of the set [env: SHARDCTL_NAMESPACE] [default: the context\'s]' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand demo" -l statefulset -d 'The StatefulSet [env: SHARDCTL_STATEFULSET] [default: the only one of the namespace]' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand demo" -l as -d 'The user to act as' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand demo" -l as-group -d 'A group to act as; may be repeated' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand demo" -l request-timeout -d 'How long one request may take, for example 5s or 1m; 0 for no limit [env: SHARDCTL_REQUEST_TIMEOUT] [default: 30s]' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand demo" -l config -d 'The configuration file [default: the nearest shardctl.toml upwards, then the user\'s configuration folder]' -r -F
complete -c shardctl -n "__fish_shardctl_using_subcommand demo" -l color -d 'Colour [env: SHARDCTL_COLOR, NO_COLOR] [default: auto]' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c shardctl -n "__fish_shardctl_using_subcommand demo" -l list -d 'Tell which scenes there are, and play none'
complete -c shardctl -n "__fish_shardctl_using_subcommand demo" -s q -l quiet -d 'Print less: no progress on standard error'
complete -c shardctl -n "__fish_shardctl_using_subcommand demo" -s v -l verbose -d 'Print more: what an error was caused by'
complete -c shardctl -n "__fish_shardctl_using_subcommand demo" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c shardctl -n "__fish_shardctl_using_subcommand demo" -s V -l version -d 'Print version'
complete -c shardctl -n "__fish_shardctl_using_subcommand quickstart" -l name -d 'What all names begin with; the namespace is NAME-shards where -n names none [default: biometric]' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand quickstart" -l shards -d 'How many shards [default: 10]' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand quickstart" -l memory -d 'The memory of a shard [default: 32Gi]' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand quickstart" -l cpu -d 'The CPU of a shard [default: 2]' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand quickstart" -l image -d 'The image of a shard [default: docker.io/nginxinc/nginx-unprivileged:1.29-alpine]' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand quickstart" -l port -d 'The port that a shard serves at [default: 8080]' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand quickstart" -l probe -d 'The path at which a shard says that it is ready, or tcp: by opening a connection [default: /]' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand quickstart" -l storage-class -d 'The storage class of a shard\'s disk [default: managed-csi-premium]' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand quickstart" -l storage -d 'The size of a shard\'s disk [default: 100Gi]' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand quickstart" -l zones -d 'The zones that nodes may be in, separated by commas [default: whichever Karpenter finds]' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand quickstart" -l sizes -d 'The sizes that Karpenter picks among (explore), separated by commas [default: Standard_E8s_v5, …E16s, …E20s, …E32s]' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand quickstart" -l size -d 'The one size (stable) [default: Standard_E16s_v5]' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand quickstart" -l priority -d 'The value of the shards\' priority class [default: 1000000]' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand quickstart" -l node-class -d 'The node class of the pools, where it isn\'t one of ours, as in karpenter.k8s.aws/EC2NodeClass/default' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand quickstart" -l catalog -d 'A catalogue of sizes, for other clouds than Azure (docs/packing.md has its columns)' -r -F
complete -c shardctl -n "__fish_shardctl_using_subcommand quickstart" -l kubeconfig -d 'The kubeconfig file [default: $KUBECONFIG, ~/.kube/config, or the pod\'s service account]' -r -F
complete -c shardctl -n "__fish_shardctl_using_subcommand quickstart" -l context -d 'The kubeconfig context [env: SHARDCTL_CONTEXT]' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand quickstart" -s n -l namespace -d 'The namespace of the set [env: SHARDCTL_NAMESPACE] [default: the context\'s]' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand quickstart" -l statefulset -d 'The StatefulSet [env: SHARDCTL_STATEFULSET] [default: the only one of the namespace]' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand quickstart" -l as -d 'The user to act as' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand quickstart" -l as-group -d 'A group to act as; may be repeated' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand quickstart" -l request-timeout -d 'How long one request may take, for example 5s or 1m; 0 for no limit [env: SHARDCTL_REQUEST_TIMEOUT] [default: 30s]' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand quickstart" -l config -d 'The configuration file [default: the nearest shardctl.toml upwards, then the user\'s configuration folder]' -r -F
complete -c shardctl -n "__fish_shardctl_using_subcommand quickstart" -l color -d 'Colour [env: SHARDCTL_COLOR, NO_COLOR] [default: auto]' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c shardctl -n "__fish_shardctl_using_subcommand quickstart" -l plain -d 'Numbered lines and a typed number: no moving cursor, no colour. Chosen by itself where TERM is dumb or the window too low'
complete -c shardctl -n "__fish_shardctl_using_subcommand quickstart" -s q -l quiet -d 'Print less: no progress on standard error'
complete -c shardctl -n "__fish_shardctl_using_subcommand quickstart" -s v -l verbose -d 'Print more: what an error was caused by'
complete -c shardctl -n "__fish_shardctl_using_subcommand quickstart" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c shardctl -n "__fish_shardctl_using_subcommand quickstart" -s V -l version -d 'Print version'
complete -c shardctl -n "__fish_shardctl_using_subcommand deploy" -l timeout -d 'How long the shards may take to be Ready; 0 is for ever' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand deploy" -l name -d 'What all names begin with; the namespace is NAME-shards where -n names none [default: biometric]' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand deploy" -l shards -d 'How many shards [default: 10]' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand deploy" -l memory -d 'The memory of a shard [default: 32Gi]' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand deploy" -l cpu -d 'The CPU of a shard [default: 2]' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand deploy" -l image -d 'The image of a shard [default: docker.io/nginxinc/nginx-unprivileged:1.29-alpine]' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand deploy" -l port -d 'The port that a shard serves at [default: 8080]' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand deploy" -l probe -d 'The path at which a shard says that it is ready, or tcp: by opening a connection [default: /]' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand deploy" -l storage-class -d 'The storage class of a shard\'s disk [default: managed-csi-premium]' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand deploy" -l storage -d 'The size of a shard\'s disk [default: 100Gi]' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand deploy" -l zones -d 'The zones that nodes may be in, separated by commas [default: whichever Karpenter finds]' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand deploy" -l sizes -d 'The sizes that Karpenter picks among (explore), separated by commas [default: Standard_E8s_v5, …E16s, …E20s, …E32s]' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand deploy" -l size -d 'The one size (stable) [default: Standard_E16s_v5]' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand deploy" -l priority -d 'The value of the shards\' priority class [default: 1000000]' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand deploy" -l node-class -d 'The node class of the pools, where it isn\'t one of ours, as in karpenter.k8s.aws/EC2NodeClass/default' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand deploy" -l catalog -d 'A catalogue of sizes, for other clouds than Azure (docs/packing.md has its columns)' -r -F
complete -c shardctl -n "__fish_shardctl_using_subcommand deploy" -l allow -d 'Go on in spite of a refusal, by its id; may be repeated. What guards data can\'t be allowed' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand deploy" -l dry-run -d 'Print what would be done and change nothing: client reads only, server lets the API server try each kind of write' -r -f -a "client\t'Read, judge, print'
server\t'Let the server try each kind of write as well'"
complete -c shardctl -n "__fish_shardctl_using_subcommand deploy" -l lease-duration -d 'How long the lock outlives a run that was killed' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand deploy" -s o -l output -d 'The form of the progress and the end: text, or json with one event a line' -r -f -a "text\t'For people'
json\t'JSON, described in docs/json.md'"
complete -c shardctl -n "__fish_shardctl_using_subcommand deploy" -l report -d 'Write a page of the run there when it is over, however it ends: one HTML file that loads nothing' -r -F
complete -c shardctl -n "__fish_shardctl_using_subcommand deploy" -l kubeconfig -d 'The kubeconfig file [default: $KUBECONFIG, ~/.kube/config, or the pod\'s service account]' -r -F
complete -c shardctl -n "__fish_shardctl_using_subcommand deploy" -l context -d 'The kubeconfig context [env: SHARDCTL_CONTEXT]' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand deploy" -s n -l namespace -d 'The namespace of the set [env: SHARDCTL_NAMESPACE] [default: the context\'s]' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand deploy" -l statefulset -d 'The StatefulSet [env: SHARDCTL_STATEFULSET] [default: the only one of the namespace]' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand deploy" -l as -d 'The user to act as' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand deploy" -l as-group -d 'A group to act as; may be repeated' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand deploy" -l request-timeout -d 'How long one request may take, for example 5s or 1m; 0 for no limit [env: SHARDCTL_REQUEST_TIMEOUT] [default: 30s]' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand deploy" -l config -d 'The configuration file [default: the nearest shardctl.toml upwards, then the user\'s configuration folder]' -r -F
complete -c shardctl -n "__fish_shardctl_using_subcommand deploy" -l color -d 'Colour [env: SHARDCTL_COLOR, NO_COLOR] [default: auto]' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c shardctl -n "__fish_shardctl_using_subcommand deploy" -s y -l yes -d 'Don\'t ask'
complete -c shardctl -n "__fish_shardctl_using_subcommand deploy" -s q -l quiet -d 'Print less: no progress on standard error'
complete -c shardctl -n "__fish_shardctl_using_subcommand deploy" -s v -l verbose -d 'Print more: what an error was caused by'
complete -c shardctl -n "__fish_shardctl_using_subcommand deploy" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c shardctl -n "__fish_shardctl_using_subcommand deploy" -s V -l version -d 'Print version'
complete -c shardctl -n "__fish_shardctl_using_subcommand promote" -l prewarm -d 'Whether nodes are made, and images fetched, before a shard is taken down' -r -f -a "auto\t'Where a shard would have to wait for a node to be made, or for its image to be fetched'
always\t'For every shard'
never\t'For none'"
complete -c shardctl -n "__fish_shardctl_using_subcommand promote" -l pause-image -d 'The image of the container that holds room on a new node [default: registry.k8s.io/pause:3.10]' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand promote" -l timeout -d 'How long the nodes of the explore pool may take to go; 0 is for ever' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand promote" -l name -d 'What all names begin with; the namespace is NAME-shards where -n names none [default: biometric]' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand promote" -l shards -d 'How many shards [default: 10]' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand promote" -l memory -d 'The memory of a shard [default: 32Gi]' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand promote" -l cpu -d 'The CPU of a shard [default: 2]' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand promote" -l image -d 'The image of a shard [default: docker.io/nginxinc/nginx-unprivileged:1.29-alpine]' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand promote" -l port -d 'The port that a shard serves at [default: 8080]' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand promote" -l probe -d 'The path at which a shard says that it is ready, or tcp: by opening a connection [default: /]' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand promote" -l storage-class -d 'The storage class of a shard\'s disk [default: managed-csi-premium]' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand promote" -l storage -d 'The size of a shard\'s disk [default: 100Gi]' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand promote" -l zones -d 'The zones that nodes may be in, separated by commas [default: whichever Karpenter finds]' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand promote" -l sizes -d 'The sizes that Karpenter picks among (explore), separated by commas [default: Standard_E8s_v5, …E16s, …E20s, …E32s]' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand promote" -l size -d 'The one size (stable) [default: Standard_E16s_v5]' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand promote" -l priority -d 'The value of the shards\' priority class [default: 1000000]' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand promote" -l node-class -d 'The node class of the pools, where it isn\'t one of ours, as in karpenter.k8s.aws/EC2NodeClass/default' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand promote" -l catalog -d 'A catalogue of sizes, for other clouds than Azure (docs/packing.md has its columns)' -r -F
complete -c shardctl -n "__fish_shardctl_using_subcommand promote" -l last -d 'These shards last, by their numbers: where the writer or primary lives' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand promote" -l pause -d 'Wait this long between two shards' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand promote" -l gate -d 'What must hold between two shards: verify, route-test (with its flags, in quotes), or exec:CMD (a command that ends with 0)' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand promote" -l before -d 'A command before each shard is taken down; it gets SHARDCTL_SHARD and SHARDCTL_ORDINAL' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand promote" -l after -d 'A command after each shard is Ready again' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand promote" -l deadline -d 'Start no shard that can\'t finish by then: 90m, or 2026-11-21T06:00:00Z' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand promote" -l min-ready -d 'How long a shard must be Ready, where that is more than minReadySeconds' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand promote" -l shard-timeout -d 'How long a shard may be down beyond its grace period, and a node may take to be ready for it' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand promote" -l max-restarts -d 'How often a container may restart before its shard counts as failed' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand promote" -l expect -d 'How many shards there should be [default: an integer minAvailable, then spec.replicas]' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand promote" -l allow -d 'Go on in spite of a refusal, by its id; may be repeated. What guards data can\'t be allowed' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand promote" -l dry-run -d 'Print what would be done and change nothing: client reads only, server lets the API server try each kind of write' -r -f -a "client\t'Read, judge, print'
server\t'Let the server try each kind of write as well'"
complete -c shardctl -n "__fish_shardctl_using_subcommand promote" -l lease-duration -d 'How long the lock outlives a run that was killed' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand promote" -s o -l output -d 'The form of the progress and the end: text, or json with one event a line' -r -f -a "text\t'For people'
json\t'JSON, described in docs/json.md'"
complete -c shardctl -n "__fish_shardctl_using_subcommand promote" -l report -d 'Write a page of the run there when it is over, however it ends: one HTML file that loads nothing' -r -F
complete -c shardctl -n "__fish_shardctl_using_subcommand promote" -l kubeconfig -d 'The kubeconfig file [default: $KUBECONFIG, ~/.kube/config, or the pod\'s service account]' -r -F
complete -c shardctl -n "__fish_shardctl_using_subcommand promote" -l context -d 'The kubeconfig context [env: SHARDCTL_CONTEXT]' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand promote" -s n -l namespace -d 'The namespace of the set [env: SHARDCTL_NAMESPACE] [default: the context\'s]' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand promote" -l statefulset -d 'The StatefulSet [env: SHARDCTL_STATEFULSET] [default: the only one of the namespace]' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand promote" -l as -d 'The user to act as' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand promote" -l as-group -d 'A group to act as; may be repeated' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand promote" -l request-timeout -d 'How long one request may take, for example 5s or 1m; 0 for no limit [env: SHARDCTL_REQUEST_TIMEOUT] [default: 30s]' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand promote" -l config -d 'The configuration file [default: the nearest shardctl.toml upwards, then the user\'s configuration folder]' -r -F
complete -c shardctl -n "__fish_shardctl_using_subcommand promote" -l color -d 'Colour [env: SHARDCTL_COLOR, NO_COLOR] [default: auto]' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c shardctl -n "__fish_shardctl_using_subcommand promote" -s y -l yes -d 'Don\'t ask'
complete -c shardctl -n "__fish_shardctl_using_subcommand promote" -s q -l quiet -d 'Print less: no progress on standard error'
complete -c shardctl -n "__fish_shardctl_using_subcommand promote" -s v -l verbose -d 'Print more: what an error was caused by'
complete -c shardctl -n "__fish_shardctl_using_subcommand promote" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c shardctl -n "__fish_shardctl_using_subcommand promote" -s V -l version -d 'Print version'
complete -c shardctl -n "__fish_shardctl_using_subcommand cleanup" -l phase -d 'Only what is this phase\'s alone: its pool and its node class' -r -f -a "explore\t'Karpenter picks among sizes'
stable\t'One size pinned, protected from disruption'"
complete -c shardctl -n "__fish_shardctl_using_subcommand cleanup" -l timeout -d 'How long the shards, and then the nodes, may take to go; 0 is for ever' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand cleanup" -l name -d 'What all names begin with; the namespace is NAME-shards where -n names none [default: biometric]' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand cleanup" -l shards -d 'How many shards [default: 10]' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand cleanup" -l memory -d 'The memory of a shard [default: 32Gi]' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand cleanup" -l cpu -d 'The CPU of a shard [default: 2]' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand cleanup" -l image -d 'The image of a shard [default: docker.io/nginxinc/nginx-unprivileged:1.29-alpine]' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand cleanup" -l port -d 'The port that a shard serves at [default: 8080]' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand cleanup" -l probe -d 'The path at which a shard says that it is ready, or tcp: by opening a connection [default: /]' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand cleanup" -l storage-class -d 'The storage class of a shard\'s disk [default: managed-csi-premium]' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand cleanup" -l storage -d 'The size of a shard\'s disk [default: 100Gi]' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand cleanup" -l zones -d 'The zones that nodes may be in, separated by commas [default: whichever Karpenter finds]' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand cleanup" -l sizes -d 'The sizes that Karpenter picks among (explore), separated by commas [default: Standard_E8s_v5, …E16s, …E20s, …E32s]' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand cleanup" -l size -d 'The one size (stable) [default: Standard_E16s_v5]' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand cleanup" -l priority -d 'The value of the shards\' priority class [default: 1000000]' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand cleanup" -l node-class -d 'The node class of the pools, where it isn\'t one of ours, as in karpenter.k8s.aws/EC2NodeClass/default' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand cleanup" -l catalog -d 'A catalogue of sizes, for other clouds than Azure (docs/packing.md has its columns)' -r -F
complete -c shardctl -n "__fish_shardctl_using_subcommand cleanup" -l allow -d 'Go on in spite of a refusal, by its id; may be repeated. What guards data can\'t be allowed' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand cleanup" -l dry-run -d 'Print what would be done and change nothing: client reads only, server lets the API server try each kind of write' -r -f -a "client\t'Read, judge, print'
server\t'Let the server try each kind of write as well'"
complete -c shardctl -n "__fish_shardctl_using_subcommand cleanup" -l lease-duration -d 'How long the lock outlives a run that was killed' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand cleanup" -s o -l output -d 'The form of the progress and the end: text, or json with one event a line' -r -f -a "text\t'For people'
json\t'JSON, described in docs/json.md'"
complete -c shardctl -n "__fish_shardctl_using_subcommand cleanup" -l report -d 'Write a page of the run there when it is over, however it ends: one HTML file that loads nothing' -r -F
complete -c shardctl -n "__fish_shardctl_using_subcommand cleanup" -l confirm -d 'The namespace\'s name, typed out: what --data wants instead of --yes' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand cleanup" -l kubeconfig -d 'The kubeconfig file [default: $KUBECONFIG, ~/.kube/config, or the pod\'s service account]' -r -F
complete -c shardctl -n "__fish_shardctl_using_subcommand cleanup" -l context -d 'The kubeconfig context [env: SHARDCTL_CONTEXT]' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand cleanup" -s n -l namespace -d 'The namespace of the set [env: SHARDCTL_NAMESPACE] [default: the context\'s]' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand cleanup" -l statefulset -d 'The StatefulSet [env: SHARDCTL_STATEFULSET] [default: the only one of the namespace]' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand cleanup" -l as -d 'The user to act as' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand cleanup" -l as-group -d 'A group to act as; may be repeated' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand cleanup" -l request-timeout -d 'How long one request may take, for example 5s or 1m; 0 for no limit [env: SHARDCTL_REQUEST_TIMEOUT] [default: 30s]' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand cleanup" -l config -d 'The configuration file [default: the nearest shardctl.toml upwards, then the user\'s configuration folder]' -r -F
complete -c shardctl -n "__fish_shardctl_using_subcommand cleanup" -l color -d 'Colour [env: SHARDCTL_COLOR, NO_COLOR] [default: auto]' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c shardctl -n "__fish_shardctl_using_subcommand cleanup" -l data -d 'Delete the claims as well, and the data with them: wants the namespace\'s name typed out'
complete -c shardctl -n "__fish_shardctl_using_subcommand cleanup" -s y -l yes -d 'Don\'t ask'
complete -c shardctl -n "__fish_shardctl_using_subcommand cleanup" -s q -l quiet -d 'Print less: no progress on standard error'
complete -c shardctl -n "__fish_shardctl_using_subcommand cleanup" -s v -l verbose -d 'Print more: what an error was caused by'
complete -c shardctl -n "__fish_shardctl_using_subcommand cleanup" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c shardctl -n "__fish_shardctl_using_subcommand cleanup" -s V -l version -d 'Print version'
complete -c shardctl -n "__fish_shardctl_using_subcommand uncordon" -s l -l selector -d 'The nodes with these labels, instead of their names' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand uncordon" -l dry-run -d 'Print what would be done and change nothing: client reads only, server lets the API server try each write' -r -f -a "client\t'Read, judge, print'
server\t'Let the server try each kind of write as well'"
complete -c shardctl -n "__fish_shardctl_using_subcommand uncordon" -l lease-duration -d 'How long the lock outlives a run that was killed' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand uncordon" -s o -l output -d 'The form of the progress and the end: text, or json with one event a line' -r -f -a "text\t'For people'
json\t'JSON, described in docs/json.md'"
complete -c shardctl -n "__fish_shardctl_using_subcommand uncordon" -l report -d 'Write a page of the run there when it is over, however it ends: one HTML file that loads nothing' -r -F
complete -c shardctl -n "__fish_shardctl_using_subcommand uncordon" -l kubeconfig -d 'The kubeconfig file [default: $KUBECONFIG, ~/.kube/config, or the pod\'s service account]' -r -F
complete -c shardctl -n "__fish_shardctl_using_subcommand uncordon" -l context -d 'The kubeconfig context [env: SHARDCTL_CONTEXT]' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand uncordon" -s n -l namespace -d 'The namespace of the set [env: SHARDCTL_NAMESPACE] [default: the context\'s]' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand uncordon" -l statefulset -d 'The StatefulSet [env: SHARDCTL_STATEFULSET] [default: the only one of the namespace]' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand uncordon" -l as -d 'The user to act as' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand uncordon" -l as-group -d 'A group to act as; may be repeated' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand uncordon" -l request-timeout -d 'How long one request may take, for example 5s or 1m; 0 for no limit [env: SHARDCTL_REQUEST_TIMEOUT] [default: 30s]' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand uncordon" -l config -d 'The configuration file [default: the nearest shardctl.toml upwards, then the user\'s configuration folder]' -r -F
complete -c shardctl -n "__fish_shardctl_using_subcommand uncordon" -l color -d 'Colour [env: SHARDCTL_COLOR, NO_COLOR] [default: auto]' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c shardctl -n "__fish_shardctl_using_subcommand uncordon" -s y -l yes -d 'Don\'t ask'
complete -c shardctl -n "__fish_shardctl_using_subcommand uncordon" -s q -l quiet -d 'Print less: no progress on standard error'
complete -c shardctl -n "__fish_shardctl_using_subcommand uncordon" -s v -l verbose -d 'Print more: what an error was caused by'
complete -c shardctl -n "__fish_shardctl_using_subcommand uncordon" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c shardctl -n "__fish_shardctl_using_subcommand uncordon" -s V -l version -d 'Print version'
complete -c shardctl -n "__fish_shardctl_using_subcommand recover" -l node-is-off -d 'Also declare this node off, whose machine was seen to be: its shards come back elsewhere. Asks for its name' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand recover" -l confirm -d 'The node\'s name once more, instead of typing it when asked; --yes doesn\'t do' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand recover" -l timeout -d 'How long to wait for what takes its time: an extra shard that is to go, the shards of a node that is off' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand recover" -l dry-run -d 'Print what would be done and change nothing: client reads only, server lets the API server try each write' -r -f -a "client\t'Read, judge, print'
server\t'Let the server try each kind of write as well'"
complete -c shardctl -n "__fish_shardctl_using_subcommand recover" -l lease-duration -d 'How long the lock outlives a run that was killed' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand recover" -s o -l output -d 'The form of the progress and the end: text, or json with one event a line' -r -f -a "text\t'For people'
json\t'JSON, described in docs/json.md'"
complete -c shardctl -n "__fish_shardctl_using_subcommand recover" -l report -d 'Write a page of the run there when it is over, however it ends: one HTML file that loads nothing' -r -F
complete -c shardctl -n "__fish_shardctl_using_subcommand recover" -l from -d 'Rehearse on a saved snapshot instead of a cluster: nothing is asked at all; with `demo`, on the demo\'s cluster (a file of that name is ./demo)' -r -F
complete -c shardctl -n "__fish_shardctl_using_subcommand recover" -l kubeconfig -d 'The kubeconfig file [default: $KUBECONFIG, ~/.kube/config, or the pod\'s service account]' -r -F
complete -c shardctl -n "__fish_shardctl_using_subcommand recover" -l context -d 'The kubeconfig context [env: SHARDCTL_CONTEXT]' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand recover" -s n -l namespace -d 'The namespace of the set [env: SHARDCTL_NAMESPACE] [default: the context\'s]' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand recover" -l statefulset -d 'The StatefulSet [env: SHARDCTL_STATEFULSET] [default: the only one of the namespace]' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand recover" -l as -d 'The user to act as' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand recover" -l as-group -d 'A group to act as; may be repeated' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand recover" -l request-timeout -d 'How long one request may take, for example 5s or 1m; 0 for no limit [env: SHARDCTL_REQUEST_TIMEOUT] [default: 30s]' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand recover" -l config -d 'The configuration file [default: the nearest shardctl.toml upwards, then the user\'s configuration folder]' -r -F
complete -c shardctl -n "__fish_shardctl_using_subcommand recover" -l color -d 'Colour [env: SHARDCTL_COLOR, NO_COLOR] [default: auto]' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c shardctl -n "__fish_shardctl_using_subcommand recover" -l expired -d 'Only what was meant to be over by now, by the server\'s clock'
complete -c shardctl -n "__fish_shardctl_using_subcommand recover" -s y -l yes -d 'Don\'t ask'
complete -c shardctl -n "__fish_shardctl_using_subcommand recover" -l rehearse -d 'Play it on a copy of the cluster inside this process, in a moment: what would happen, when, and what would get stuck. Only reads'
complete -c shardctl -n "__fish_shardctl_using_subcommand recover" -s q -l quiet -d 'Print less: no progress on standard error'
complete -c shardctl -n "__fish_shardctl_using_subcommand recover" -s v -l verbose -d 'Print more: what an error was caused by'
complete -c shardctl -n "__fish_shardctl_using_subcommand recover" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c shardctl -n "__fish_shardctl_using_subcommand recover" -s V -l version -d 'Print version'
complete -c shardctl -n "__fish_shardctl_using_subcommand render" -l out -d 'Write a kustomization into this folder, instead of printing' -r -f -a "(__fish_complete_directories)"
complete -c shardctl -n "__fish_shardctl_using_subcommand render" -l name -d 'What all names begin with; the namespace is NAME-shards where -n names none [default: biometric]' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand render" -l shards -d 'How many shards [default: 10]' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand render" -l memory -d 'The memory of a shard [default: 32Gi]' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand render" -l cpu -d 'The CPU of a shard [default: 2]' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand render" -l image -d 'The image of a shard [default: docker.io/nginxinc/nginx-unprivileged:1.29-alpine]' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand render" -l port -d 'The port that a shard serves at [default: 8080]' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand render" -l probe -d 'The path at which a shard says that it is ready, or tcp: by opening a connection [default: /]' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand render" -l storage-class -d 'The storage class of a shard\'s disk [default: managed-csi-premium]' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand render" -l storage -d 'The size of a shard\'s disk [default: 100Gi]' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand render" -l zones -d 'The zones that nodes may be in, separated by commas [default: whichever Karpenter finds]' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand render" -l sizes -d 'The sizes that Karpenter picks among (explore), separated by commas [default: Standard_E8s_v5, …E16s, …E20s, …E32s]' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand render" -l size -d 'The one size (stable) [default: Standard_E16s_v5]' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand render" -l priority -d 'The value of the shards\' priority class [default: 1000000]' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand render" -l node-class -d 'The node class of the pools, where it isn\'t one of ours, as in karpenter.k8s.aws/EC2NodeClass/default' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand render" -l catalog -d 'A catalogue of sizes, for other clouds than Azure (docs/packing.md has its columns)' -r -F
complete -c shardctl -n "__fish_shardctl_using_subcommand render" -l kubeconfig -d 'The kubeconfig file [default: $KUBECONFIG, ~/.kube/config, or the pod\'s service account]' -r -F
complete -c shardctl -n "__fish_shardctl_using_subcommand render" -l context -d 'The kubeconfig context [env: SHARDCTL_CONTEXT]' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand render" -s n -l namespace -d 'The namespace of the set [env: SHARDCTL_NAMESPACE] [default: the context\'s]' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand render" -l statefulset -d 'The StatefulSet [env: SHARDCTL_STATEFULSET] [default: the only one of the namespace]' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand render" -l as -d 'The user to act as' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand render" -l as-group -d 'A group to act as; may be repeated' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand render" -l request-timeout -d 'How long one request may take, for example 5s or 1m; 0 for no limit [env: SHARDCTL_REQUEST_TIMEOUT] [default: 30s]' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand render" -l config -d 'The configuration file [default: the nearest shardctl.toml upwards, then the user\'s configuration folder]' -r -F
complete -c shardctl -n "__fish_shardctl_using_subcommand render" -l color -d 'Colour [env: SHARDCTL_COLOR, NO_COLOR] [default: auto]' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c shardctl -n "__fish_shardctl_using_subcommand render" -s q -l quiet -d 'Print less: no progress on standard error'
complete -c shardctl -n "__fish_shardctl_using_subcommand render" -s v -l verbose -d 'Print more: what an error was caused by'
complete -c shardctl -n "__fish_shardctl_using_subcommand render" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c shardctl -n "__fish_shardctl_using_subcommand render" -s V -l version -d 'Print version'
complete -c shardctl -n "__fish_shardctl_using_subcommand report" -s o -l out -d 'Where to write the page [default: standard output]' -r -F
complete -c shardctl -n "__fish_shardctl_using_subcommand report" -l kubeconfig -d 'The kubeconfig file [default: $KUBECONFIG, ~/.kube/config, or the pod\'s service account]' -r -F
complete -c shardctl -n "__fish_shardctl_using_subcommand report" -l context -d 'The kubeconfig context [env: SHARDCTL_CONTEXT]' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand report" -s n -l namespace -d 'The namespace of the set [env: SHARDCTL_NAMESPACE] [default: the context\'s]' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand report" -l statefulset -d 'The StatefulSet [env: SHARDCTL_STATEFULSET] [default: the only one of the namespace]' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand report" -l as -d 'The user to act as' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand report" -l as-group -d 'A group to act as; may be repeated' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand report" -l request-timeout -d 'How long one request may take, for example 5s or 1m; 0 for no limit [env: SHARDCTL_REQUEST_TIMEOUT] [default: 30s]' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand report" -l config -d 'The configuration file [default: the nearest shardctl.toml upwards, then the user\'s configuration folder]' -r -F
complete -c shardctl -n "__fish_shardctl_using_subcommand report" -l color -d 'Colour [env: SHARDCTL_COLOR, NO_COLOR] [default: auto]' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c shardctl -n "__fish_shardctl_using_subcommand report" -s q -l quiet -d 'Print less: no progress on standard error'
complete -c shardctl -n "__fish_shardctl_using_subcommand report" -s v -l verbose -d 'Print more: what an error was caused by'
complete -c shardctl -n "__fish_shardctl_using_subcommand report" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c shardctl -n "__fish_shardctl_using_subcommand report" -s V -l version -d 'Print version'
complete -c shardctl -n "__fish_shardctl_using_subcommand snapshot" -l out -d 'Where to write it [default: standard output]' -r -F
complete -c shardctl -n "__fish_shardctl_using_subcommand snapshot" -l dns -d 'How name servers are asked: port-forward, exec, system, or IP:PORT [default: port-forward; system inside a pod]' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand snapshot" -l dns-timeout -d 'How long one DNS question may take [default: 2s]' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand snapshot" -l cluster-domain -d 'The cluster\'s DNS domain [default: from CoreDNS\'s configuration, or resolv.conf inside a shard]' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand snapshot" -l from -d 'Read a saved snapshot instead of a cluster, for example to redact it; with `demo`, the demo\'s cluster (a file of that name is ./demo)' -r -F
complete -c shardctl -n "__fish_shardctl_using_subcommand snapshot" -l kubeconfig -d 'The kubeconfig file [default: $KUBECONFIG, ~/.kube/config, or the pod\'s service account]' -r -F
complete -c shardctl -n "__fish_shardctl_using_subcommand snapshot" -l context -d 'The kubeconfig context [env: SHARDCTL_CONTEXT]' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand snapshot" -s n -l namespace -d 'The namespace of the set [env: SHARDCTL_NAMESPACE] [default: the context\'s]' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand snapshot" -l statefulset -d 'The StatefulSet [env: SHARDCTL_STATEFULSET] [default: the only one of the namespace]' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand snapshot" -l as -d 'The user to act as' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand snapshot" -l as-group -d 'A group to act as; may be repeated' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand snapshot" -l request-timeout -d 'How long one request may take, for example 5s or 1m; 0 for no limit [env: SHARDCTL_REQUEST_TIMEOUT] [default: 30s]' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand snapshot" -l config -d 'The configuration file [default: the nearest shardctl.toml upwards, then the user\'s configuration folder]' -r -F
complete -c shardctl -n "__fish_shardctl_using_subcommand snapshot" -l color -d 'Colour [env: SHARDCTL_COLOR, NO_COLOR] [default: auto]' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c shardctl -n "__fish_shardctl_using_subcommand snapshot" -l redact -d 'Replace names and addresses by pseudonyms, drop environment values, logs and unknown annotations'
complete -c shardctl -n "__fish_shardctl_using_subcommand snapshot" -s q -l quiet -d 'Print less: no progress on standard error'
complete -c shardctl -n "__fish_shardctl_using_subcommand snapshot" -s v -l verbose -d 'Print more: what an error was caused by'
complete -c shardctl -n "__fish_shardctl_using_subcommand snapshot" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c shardctl -n "__fish_shardctl_using_subcommand snapshot" -s V -l version -d 'Print version'
complete -c shardctl -n "__fish_shardctl_using_subcommand explain" -s o -l output -d 'The form of the page' -r -f -a "text\t'For people'
markdown\t'Markdown; without an id, the whole of docs/checks.md; with `refusals`, of docs/refusals.md'"
complete -c shardctl -n "__fish_shardctl_using_subcommand explain" -l kubeconfig -d 'The kubeconfig file [default: $KUBECONFIG, ~/.kube/config, or the pod\'s service account]' -r -F
complete -c shardctl -n "__fish_shardctl_using_subcommand explain" -l context -d 'The kubeconfig context [env: SHARDCTL_CONTEXT]' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand explain" -s n -l namespace -d 'The namespace of the set [env: SHARDCTL_NAMESPACE] [default: the context\'s]' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand explain" -l statefulset -d 'The StatefulSet [env: SHARDCTL_STATEFULSET] [default: the only one of the namespace]' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand explain" -l as -d 'The user to act as' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand explain" -l as-group -d 'A group to act as; may be repeated' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand explain" -l request-timeout -d 'How long one request may take, for example 5s or 1m; 0 for no limit [env: SHARDCTL_REQUEST_TIMEOUT] [default: 30s]' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand explain" -l config -d 'The configuration file [default: the nearest shardctl.toml upwards, then the user\'s configuration folder]' -r -F
complete -c shardctl -n "__fish_shardctl_using_subcommand explain" -l color -d 'Colour [env: SHARDCTL_COLOR, NO_COLOR] [default: auto]' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c shardctl -n "__fish_shardctl_using_subcommand explain" -s q -l quiet -d 'Print less: no progress on standard error'
complete -c shardctl -n "__fish_shardctl_using_subcommand explain" -s v -l verbose -d 'Print more: what an error was caused by'
complete -c shardctl -n "__fish_shardctl_using_subcommand explain" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c shardctl -n "__fish_shardctl_using_subcommand explain" -s V -l version -d 'Print version'
complete -c shardctl -n "__fish_shardctl_using_subcommand config; and not __fish_seen_subcommand_from show help" -l kubeconfig -d 'The kubeconfig file [default: $KUBECONFIG, ~/.kube/config, or the pod\'s service account]' -r -F
complete -c shardctl -n "__fish_shardctl_using_subcommand config; and not __fish_seen_subcommand_from show help" -l context -d 'The kubeconfig context [env: SHARDCTL_CONTEXT]' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand config; and not __fish_seen_subcommand_from show help" -s n -l namespace -d 'The namespace of the set [env: SHARDCTL_NAMESPACE] [default: the context\'s]' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand config; and not __fish_seen_subcommand_from show help" -l statefulset -d 'The StatefulSet [env: SHARDCTL_STATEFULSET] [default: the only one of the namespace]' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand config; and not __fish_seen_subcommand_from show help" -l as -d 'The user to act as' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand config; and not __fish_seen_subcommand_from show help" -l as-group -d 'A group to act as; may be repeated' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand config; and not __fish_seen_subcommand_from show help" -l request-timeout -d 'How long one request may take, for example 5s or 1m; 0 for no limit [env: SHARDCTL_REQUEST_TIMEOUT] [default: 30s]' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand config; and not __fish_seen_subcommand_from show help" -l config -d 'The configuration file [default: the nearest shardctl.toml upwards, then the user\'s configuration folder]' -r -F
complete -c shardctl -n "__fish_shardctl_using_subcommand config; and not __fish_seen_subcommand_from show help" -l color -d 'Colour [env: SHARDCTL_COLOR, NO_COLOR] [default: auto]' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c shardctl -n "__fish_shardctl_using_subcommand config; and not __fish_seen_subcommand_from show help" -s q -l quiet -d 'Print less: no progress on standard error'
complete -c shardctl -n "__fish_shardctl_using_subcommand config; and not __fish_seen_subcommand_from show help" -s v -l verbose -d 'Print more: what an error was caused by'
complete -c shardctl -n "__fish_shardctl_using_subcommand config; and not __fish_seen_subcommand_from show help" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c shardctl -n "__fish_shardctl_using_subcommand config; and not __fish_seen_subcommand_from show help" -s V -l version -d 'Print version'
complete -c shardctl -n "__fish_shardctl_using_subcommand config; and not __fish_seen_subcommand_from show help" -f -a "show" -d 'Each value with where it comes from'
complete -c shardctl -n "__fish_shardctl_using_subcommand config; and not __fish_seen_subcommand_from show help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c shardctl -n "__fish_shardctl_using_subcommand config; and __fish_seen_subcommand_from show" -l kubeconfig -d 'The kubeconfig file [default: $KUBECONFIG, ~/.kube/config, or the pod\'s service account]' -r -F
complete -c shardctl -n "__fish_shardctl_using_subcommand config; and __fish_seen_subcommand_from show" -l context -d 'The kubeconfig context [env: SHARDCTL_CONTEXT]' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand config; and __fish_seen_subcommand_from show" -s n -l namespace -d 'The namespace of the set [env: SHARDCTL_NAMESPACE] [default: the context\'s]' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand config; and __fish_seen_subcommand_from show" -l statefulset -d 'The StatefulSet [env: SHARDCTL_STATEFULSET] [default: the only one of the namespace]' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand config; and __fish_seen_subcommand_from show" -l as -d 'The user to act as' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand config; and __fish_seen_subcommand_from show" -l as-group -d 'A group to act as; may be repeated' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand config; and __fish_seen_subcommand_from show" -l request-timeout -d 'How long one request may take, for example 5s or 1m; 0 for no limit [env: SHARDCTL_REQUEST_TIMEOUT] [default: 30s]' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand config; and __fish_seen_subcommand_from show" -l config -d 'The configuration file [default: the nearest shardctl.toml upwards, then the user\'s configuration folder]' -r -F
complete -c shardctl -n "__fish_shardctl_using_subcommand config; and __fish_seen_subcommand_from show" -l color -d 'Colour [env: SHARDCTL_COLOR, NO_COLOR] [default: auto]' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c shardctl -n "__fish_shardctl_using_subcommand config; and __fish_seen_subcommand_from show" -s q -l quiet -d 'Print less: no progress on standard error'
complete -c shardctl -n "__fish_shardctl_using_subcommand config; and __fish_seen_subcommand_from show" -s v -l verbose -d 'Print more: what an error was caused by'
complete -c shardctl -n "__fish_shardctl_using_subcommand config; and __fish_seen_subcommand_from show" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c shardctl -n "__fish_shardctl_using_subcommand config; and __fish_seen_subcommand_from show" -s V -l version -d 'Print version'
complete -c shardctl -n "__fish_shardctl_using_subcommand config; and __fish_seen_subcommand_from help" -f -a "show" -d 'Each value with where it comes from'
complete -c shardctl -n "__fish_shardctl_using_subcommand config; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c shardctl -n "__fish_shardctl_using_subcommand rbac" -l for -d 'What the Roles are to allow' -r -f -a "reading\t'verify, status, events, snapshot, dry runs'
packing\t'That, and what packing-summary reads on top'
upgrade\t'Reading, and upgrade'
drain\t'Reading, and drain, by every strategy'
deploy\t'That, and deploy'
promote\t'That, deploy, upgrade, and promote'
cleanup\t'That of reading, and cleanup, with the data'
recover\t'recover, alone'
route-test\t'route-test, alone'"
complete -c shardctl -n "__fish_shardctl_using_subcommand rbac" -l kubeconfig -d 'The kubeconfig file [default: $KUBECONFIG, ~/.kube/config, or the pod\'s service account]' -r -F
complete -c shardctl -n "__fish_shardctl_using_subcommand rbac" -l context -d 'The kubeconfig context [env: SHARDCTL_CONTEXT]' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand rbac" -s n -l namespace -d 'The namespace of the set [env: SHARDCTL_NAMESPACE] [default: the context\'s]' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand rbac" -l statefulset -d 'The StatefulSet [env: SHARDCTL_STATEFULSET] [default: the only one of the namespace]' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand rbac" -l as -d 'The user to act as' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand rbac" -l as-group -d 'A group to act as; may be repeated' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand rbac" -l request-timeout -d 'How long one request may take, for example 5s or 1m; 0 for no limit [env: SHARDCTL_REQUEST_TIMEOUT] [default: 30s]' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand rbac" -l config -d 'The configuration file [default: the nearest shardctl.toml upwards, then the user\'s configuration folder]' -r -F
complete -c shardctl -n "__fish_shardctl_using_subcommand rbac" -l color -d 'Colour [env: SHARDCTL_COLOR, NO_COLOR] [default: auto]' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c shardctl -n "__fish_shardctl_using_subcommand rbac" -s q -l quiet -d 'Print less: no progress on standard error'
complete -c shardctl -n "__fish_shardctl_using_subcommand rbac" -s v -l verbose -d 'Print more: what an error was caused by'
complete -c shardctl -n "__fish_shardctl_using_subcommand rbac" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c shardctl -n "__fish_shardctl_using_subcommand rbac" -s V -l version -d 'Print version'
complete -c shardctl -n "__fish_shardctl_using_subcommand completions" -l kubeconfig -d 'The kubeconfig file [default: $KUBECONFIG, ~/.kube/config, or the pod\'s service account]' -r -F
complete -c shardctl -n "__fish_shardctl_using_subcommand completions" -l context -d 'The kubeconfig context [env: SHARDCTL_CONTEXT]' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand completions" -s n -l namespace -d 'The namespace of the set [env: SHARDCTL_NAMESPACE] [default: the context\'s]' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand completions" -l statefulset -d 'The StatefulSet [env: SHARDCTL_STATEFULSET] [default: the only one of the namespace]' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand completions" -l as -d 'The user to act as' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand completions" -l as-group -d 'A group to act as; may be repeated' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand completions" -l request-timeout -d 'How long one request may take, for example 5s or 1m; 0 for no limit [env: SHARDCTL_REQUEST_TIMEOUT] [default: 30s]' -r
complete -c shardctl -n "__fish_shardctl_using_subcommand completions" -l config -d 'The configuration file [default: the nearest shardctl.toml upwards, then the user\'s configuration folder]' -r -F
complete -c shardctl -n "__fish_shardctl_using_subcommand completions" -l color -d 'Colour [env: SHARDCTL_COLOR, NO_COLOR] [default: auto]' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c shardctl -n "__fish_shardctl_using_subcommand completions" -s q -l quiet -d 'Print less: no progress on standard error'
complete -c shardctl -n "__fish_shardctl_using_subcommand completions" -s v -l verbose -d 'Print more: what an error was caused by'
complete -c shardctl -n "__fish_shardctl_using_subcommand completions" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c shardctl -n "__fish_shardctl_using_subcommand completions" -s V -l version -d 'Print version'
complete -c shardctl -n "__fish_shardctl_using_subcommand help; and not __fish_seen_subcommand_from verify status events route-test packing-summary upgrade drain demo quickstart deploy promote cleanup uncordon recover render report snapshot explain config rbac completions help" -f -a "verify" -d 'Is everything as it must be? Checks the set, its pods, nodes, disks, names, budget, and what was left behind'
complete -c shardctl -n "__fish_shardctl_using_subcommand help; and not __fish_seen_subcommand_from verify status events route-test packing-summary upgrade drain demo quickstart deploy promote cleanup uncordon recover render report snapshot explain config rbac completions help" -f -a "status" -d 'UP or DOWN in one line, for alerts and prompts'
complete -c shardctl -n "__fish_shardctl_using_subcommand help; and not __fish_seen_subcommand_from verify status events route-test packing-summary upgrade drain demo quickstart deploy promote cleanup uncordon recover render report snapshot explain config rbac completions help" -f -a "events" -d 'What was said about the shards, in one order: scheduler, Karpenter, autoscaler, attach, kubelets, controllers'
complete -c shardctl -n "__fish_shardctl_using_subcommand help; and not __fish_seen_subcommand_from verify status events route-test packing-summary upgrade drain demo quickstart deploy promote cleanup uncordon recover render report snapshot explain config rbac completions help" -f -a "route-test" -d 'Does every key land on its shard, from every entry? Asks the load balancer and every shard about the same keys'
complete -c shardctl -n "__fish_shardctl_using_subcommand help; and not __fish_seen_subcommand_from verify status events route-test packing-summary upgrade drain demo quickstart deploy promote cleanup uncordon recover render report snapshot explain config rbac completions help" -f -a "packing-summary" -d 'What runs on which node, what it costs, and which machines would be better'
complete -c shardctl -n "__fish_shardctl_using_subcommand help; and not __fish_seen_subcommand_from verify status events route-test packing-summary upgrade drain demo quickstart deploy promote cleanup uncordon recover render report snapshot explain config rbac completions help" -f -a "upgrade" -d 'Move every shard to a new template, one at a time, with the fewest seconds down'
complete -c shardctl -n "__fish_shardctl_using_subcommand help; and not __fish_seen_subcommand_from verify status events route-test packing-summary upgrade drain demo quickstart deploy promote cleanup uncordon recover render report snapshot explain config rbac completions help" -f -a "drain" -d 'Empty nodes for maintenance although the budget says no: the shards one at a time, each Ready elsewhere before the next'
complete -c shardctl -n "__fish_shardctl_using_subcommand help; and not __fish_seen_subcommand_from verify status events route-test packing-summary upgrade drain demo quickstart deploy promote cleanup uncordon recover render report snapshot explain config rbac completions help" -f -a "demo" -d 'The whole job on a cluster inside this process: no cluster, no network, no configuration needed'
complete -c shardctl -n "__fish_shardctl_using_subcommand help; and not __fish_seen_subcommand_from verify status events route-test packing-summary upgrade drain demo quickstart deploy promote cleanup uncordon recover render report snapshot explain config rbac completions help" -f -a "quickstart" -d 'A menu over all of it, with the state of both phases on top'
complete -c shardctl -n "__fish_shardctl_using_subcommand help; and not __fish_seen_subcommand_from verify status events route-test packing-summary upgrade drain demo quickstart deploy promote cleanup uncordon recover render report snapshot explain config rbac completions help" -f -a "deploy" -d 'Write the reference workload\'s objects for a phase, and wait until every shard is Ready'
complete -c shardctl -n "__fish_shardctl_using_subcommand help; and not __fish_seen_subcommand_from verify status events route-test packing-summary upgrade drain demo quickstart deploy promote cleanup uncordon recover render report snapshot explain config rbac completions help" -f -a "promote" -d 'Move the reference workload from the explore phase to the stable one: one size, one shard at a time, nothing deleted'
complete -c shardctl -n "__fish_shardctl_using_subcommand help; and not __fish_seen_subcommand_from verify status events route-test packing-summary upgrade drain demo quickstart deploy promote cleanup uncordon recover render report snapshot explain config rbac completions help" -f -a "cleanup" -d 'Delete the reference workload\'s objects, named and counted; the data stays unless it is asked for'
complete -c shardctl -n "__fish_shardctl_using_subcommand help; and not __fish_seen_subcommand_from verify status events route-test packing-summary upgrade drain demo quickstart deploy promote cleanup uncordon recover render report snapshot explain config rbac completions help" -f -a "uncordon" -d 'Let nodes take pods again, and put back what an interrupted drain left there'
complete -c shardctl -n "__fish_shardctl_using_subcommand help; and not __fish_seen_subcommand_from verify status events route-test packing-summary upgrade drain demo quickstart deploy promote cleanup uncordon recover render report snapshot explain config rbac completions help" -f -a "recover" -d 'Find and undo what interrupted runs left: marks, helper pods, the lock'
complete -c shardctl -n "__fish_shardctl_using_subcommand help; and not __fish_seen_subcommand_from verify status events route-test packing-summary upgrade drain demo quickstart deploy promote cleanup uncordon recover render report snapshot explain config rbac completions help" -f -a "render" -d 'The reference workload\'s manifests for a phase: printed, or as a kustomization in a folder'
complete -c shardctl -n "__fish_shardctl_using_subcommand help; and not __fish_seen_subcommand_from verify status events route-test packing-summary upgrade drain demo quickstart deploy promote cleanup uncordon recover render report snapshot explain config rbac completions help" -f -a "report" -d 'A page of a run, from the events that it wrote with -o json: the timeline, the seconds down, what was done by whom'
complete -c shardctl -n "__fish_shardctl_using_subcommand help; and not __fish_seen_subcommand_from verify status events route-test packing-summary upgrade drain demo quickstart deploy promote cleanup uncordon recover render report snapshot explain config rbac completions help" -f -a "snapshot" -d 'Save what was observed, to a file or standard output'
complete -c shardctl -n "__fish_shardctl_using_subcommand help; and not __fish_seen_subcommand_from verify status events route-test packing-summary upgrade drain demo quickstart deploy promote cleanup uncordon recover render report snapshot explain config rbac completions help" -f -a "explain" -d 'A check\'s page (what it reads, why it matters, how to mend it), a refusal\'s, or a runbook'
complete -c shardctl -n "__fish_shardctl_using_subcommand help; and not __fish_seen_subcommand_from verify status events route-test packing-summary upgrade drain demo quickstart deploy promote cleanup uncordon recover render report snapshot explain config rbac completions help" -f -a "config" -d 'The configuration in force'
complete -c shardctl -n "__fish_shardctl_using_subcommand help; and not __fish_seen_subcommand_from verify status events route-test packing-summary upgrade drain demo quickstart deploy promote cleanup uncordon recover render report snapshot explain config rbac completions help" -f -a "rbac" -d 'The Roles that shardctl needs, as YAML'
complete -c shardctl -n "__fish_shardctl_using_subcommand help; and not __fish_seen_subcommand_from verify status events route-test packing-summary upgrade drain demo quickstart deploy promote cleanup uncordon recover render report snapshot explain config rbac completions help" -f -a "completions" -d 'Completions for a shell, to standard output'
complete -c shardctl -n "__fish_shardctl_using_subcommand help; and not __fish_seen_subcommand_from verify status events route-test packing-summary upgrade drain demo quickstart deploy promote cleanup uncordon recover render report snapshot explain config rbac completions help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c shardctl -n "__fish_shardctl_using_subcommand help; and __fish_seen_subcommand_from upgrade" -f -a "status" -d 'How far an upgrade is: each shard\'s revision, who is at it, how to go on or back'
complete -c shardctl -n "__fish_shardctl_using_subcommand help; and __fish_seen_subcommand_from upgrade" -f -a "undo" -d 'Put the template before back, and bring every shard to it, one at a time'
complete -c shardctl -n "__fish_shardctl_using_subcommand help; and __fish_seen_subcommand_from config" -f -a "show" -d 'Each value with where it comes from'
