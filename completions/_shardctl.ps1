
using namespace System.Management.Automation
using namespace System.Management.Automation.Language

Register-ArgumentCompleter -Native -CommandName 'shardctl' -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)

    $commandElements = $commandAst.CommandElements
    $command = @(
        'shardctl'
        for ($i = 1; $i -lt $commandElements.Count; $i++) {
            $element = $commandElements[$i]
            if ($element -isnot [StringConstantExpressionAst] -or
                $element.StringConstantType -ne [StringConstantType]::BareWord -or
                $element.Value.StartsWith('-') -or
                $element.Value -eq $wordToComplete) {
                break
        }
        $element.Value
    }) -join ';'

    $completions = @(switch ($command) {
        'shardctl' {
            [CompletionResult]::new('--kubeconfig', '--kubeconfig', [CompletionResultType]::ParameterName, 'The kubeconfig file [default: $KUBECONFIG, ~/.kube/config, or the pod''s service account]')
            [CompletionResult]::new('--context', '--context', [CompletionResultType]::ParameterName, 'The kubeconfig context [env: SHARDCTL_CONTEXT]')
            [CompletionResult]::new('-n', '-n', [CompletionResultType]::ParameterName, 'The namespace of the set [env: SHARDCTL_NAMESPACE] [default: the context''s]')
            [CompletionResult]::new('--namespace', '--namespace', [CompletionResultType]::ParameterName, 'The namespace of the set [env: SHARDCTL_NAMESPACE] [default: the context''s]')
            [CompletionResult]::new('--statefulset', '--statefulset', [CompletionResultType]::ParameterName, 'The StatefulSet [env: SHARDCTL_STATEFULSET] [default: the only one of the namespace]')
            [CompletionResult]::new('--as', '--as', [CompletionResultType]::ParameterName, 'The user to act as')
            [CompletionResult]::new('--as-group', '--as-group', [CompletionResultType]::ParameterName, 'A group to act as; may be repeated')
            [CompletionResult]::new('--request-timeout', '--request-timeout', [CompletionResultType]::ParameterName, 'How long one request may take, for example 5s or 1m; 0 for no limit [env: SHARDCTL_REQUEST_TIMEOUT] [default: 30s]')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'The configuration file [default: the nearest shardctl.toml upwards, then the user''s configuration folder]')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'Colour [env: SHARDCTL_COLOR, NO_COLOR] [default: auto]')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print less: no progress on standard error')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print less: no progress on standard error')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Print more: what an error was caused by')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Print more: what an error was caused by')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('verify', 'verify', [CompletionResultType]::ParameterValue, 'Is everything as it must be? Checks the set, its pods, nodes, disks, names, budget, and what was left behind')
            [CompletionResult]::new('status', 'status', [CompletionResultType]::ParameterValue, 'UP or DOWN in one line, for alerts and prompts')
            [CompletionResult]::new('events', 'events', [CompletionResultType]::ParameterValue, 'What was said about the shards, in one order: scheduler, Karpenter, autoscaler, attach, kubelets, controllers')
            [CompletionResult]::new('packing-summary', 'packing-summary', [CompletionResultType]::ParameterValue, 'What runs on which node, what it costs, and which machines would be better')
            [CompletionResult]::new('upgrade', 'upgrade', [CompletionResultType]::ParameterValue, 'Move every shard to a new template, one at a time, with the fewest seconds down')
            [CompletionResult]::new('drain', 'drain', [CompletionResultType]::ParameterValue, 'Empty nodes for maintenance although the budget says no: the shards one at a time, each Ready elsewhere before the next')
            [CompletionResult]::new('maintenance-drain', 'maintenance-drain', [CompletionResultType]::ParameterValue, 'Empty nodes for maintenance although the budget says no: the shards one at a time, each Ready elsewhere before the next')
            [CompletionResult]::new('uncordon', 'uncordon', [CompletionResultType]::ParameterValue, 'Let nodes take pods again, and put back what an interrupted drain left there')
            [CompletionResult]::new('recover', 'recover', [CompletionResultType]::ParameterValue, 'Find and undo what interrupted runs left: marks, helper pods, the lock')
            [CompletionResult]::new('report', 'report', [CompletionResultType]::ParameterValue, 'A page of a run, from the events that it wrote with -o json: the timeline, the seconds down, what was done by whom')
            [CompletionResult]::new('snapshot', 'snapshot', [CompletionResultType]::ParameterValue, 'Save what was observed, to a file or standard output')
            [CompletionResult]::new('explain', 'explain', [CompletionResultType]::ParameterValue, 'A check''s page: what it reads, why it matters, how to mend it')
            [CompletionResult]::new('config', 'config', [CompletionResultType]::ParameterValue, 'The configuration in force')
            [CompletionResult]::new('rbac', 'rbac', [CompletionResultType]::ParameterValue, 'The Roles that shardctl needs, as YAML')
            [CompletionResult]::new('completions', 'completions', [CompletionResultType]::ParameterValue, 'Completions for a shell, to standard output')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'shardctl;verify' {
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'The form of the result')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'The form of the result')
            [CompletionResult]::new('--only', '--only', [CompletionResultType]::ParameterName, 'Only these checks; may be repeated, or separated by commas')
            [CompletionResult]::new('--skip', '--skip', [CompletionResultType]::ParameterName, 'Not these checks; they are counted and shown as skipped')
            [CompletionResult]::new('--expect', '--expect', [CompletionResultType]::ParameterName, 'How many shards there should be [default: an integer minAvailable, then spec.replicas]')
            [CompletionResult]::new('--phase', '--phase', [CompletionResultType]::ParameterName, 'The phase to judge by [default: inferred from the template]')
            [CompletionResult]::new('--dns', '--dns', [CompletionResultType]::ParameterName, 'How name servers are asked: port-forward, exec, system, or IP:PORT [default: port-forward; system inside a pod]')
            [CompletionResult]::new('--dns-timeout', '--dns-timeout', [CompletionResultType]::ParameterName, 'How long one DNS question may take [default: 2s]')
            [CompletionResult]::new('--cluster-domain', '--cluster-domain', [CompletionResultType]::ParameterName, 'The cluster''s DNS domain [default: from CoreDNS''s configuration, or resolv.conf inside a shard]')
            [CompletionResult]::new('--wait', '--wait', [CompletionResultType]::ParameterName, 'Take whole new snapshots until healthy, for so long')
            [CompletionResult]::new('--interval', '--interval', [CompletionResultType]::ParameterName, 'The pause between two snapshots')
            [CompletionResult]::new('--from', '--from', [CompletionResultType]::ParameterName, 'Judge a saved snapshot instead of a cluster')
            [CompletionResult]::new('--kubeconfig', '--kubeconfig', [CompletionResultType]::ParameterName, 'The kubeconfig file [default: $KUBECONFIG, ~/.kube/config, or the pod''s service account]')
            [CompletionResult]::new('--context', '--context', [CompletionResultType]::ParameterName, 'The kubeconfig context [env: SHARDCTL_CONTEXT]')
            [CompletionResult]::new('-n', '-n', [CompletionResultType]::ParameterName, 'The namespace of the set [env: SHARDCTL_NAMESPACE] [default: the context''s]')
            [CompletionResult]::new('--namespace', '--namespace', [CompletionResultType]::ParameterName, 'The namespace of the set [env: SHARDCTL_NAMESPACE] [default: the context''s]')
            [CompletionResult]::new('--statefulset', '--statefulset', [CompletionResultType]::ParameterName, 'The StatefulSet [env: SHARDCTL_STATEFULSET] [default: the only one of the namespace]')
            [CompletionResult]::new('--as', '--as', [CompletionResultType]::ParameterName, 'The user to act as')
            [CompletionResult]::new('--as-group', '--as-group', [CompletionResultType]::ParameterName, 'A group to act as; may be repeated')
            [CompletionResult]::new('--request-timeout', '--request-timeout', [CompletionResultType]::ParameterName, 'How long one request may take, for example 5s or 1m; 0 for no limit [env: SHARDCTL_REQUEST_TIMEOUT] [default: 30s]')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'The configuration file [default: the nearest shardctl.toml upwards, then the user''s configuration folder]')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'Colour [env: SHARDCTL_COLOR, NO_COLOR] [default: auto]')
            [CompletionResult]::new('--probe-protection', '--probe-protection', [CompletionResultType]::ParameterName, 'Also try whether the server would refuse to evict a shard (a dry run, nothing is evicted)')
            [CompletionResult]::new('--watch', '--watch', [CompletionResultType]::ParameterName, 'Take whole new snapshots until interrupted, and say what changed')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print less: no progress on standard error')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print less: no progress on standard error')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Print more: what an error was caused by')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Print more: what an error was caused by')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            break
        }
        'shardctl;status' {
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'The form of the result')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'The form of the result')
            [CompletionResult]::new('--expect', '--expect', [CompletionResultType]::ParameterName, 'How many shards there should be [default: an integer minAvailable, then spec.replicas]')
            [CompletionResult]::new('--from', '--from', [CompletionResultType]::ParameterName, 'Judge a saved snapshot instead of a cluster')
            [CompletionResult]::new('--kubeconfig', '--kubeconfig', [CompletionResultType]::ParameterName, 'The kubeconfig file [default: $KUBECONFIG, ~/.kube/config, or the pod''s service account]')
            [CompletionResult]::new('--context', '--context', [CompletionResultType]::ParameterName, 'The kubeconfig context [env: SHARDCTL_CONTEXT]')
            [CompletionResult]::new('-n', '-n', [CompletionResultType]::ParameterName, 'The namespace of the set [env: SHARDCTL_NAMESPACE] [default: the context''s]')
            [CompletionResult]::new('--namespace', '--namespace', [CompletionResultType]::ParameterName, 'The namespace of the set [env: SHARDCTL_NAMESPACE] [default: the context''s]')
            [CompletionResult]::new('--statefulset', '--statefulset', [CompletionResultType]::ParameterName, 'The StatefulSet [env: SHARDCTL_STATEFULSET] [default: the only one of the namespace]')
            [CompletionResult]::new('--as', '--as', [CompletionResultType]::ParameterName, 'The user to act as')
            [CompletionResult]::new('--as-group', '--as-group', [CompletionResultType]::ParameterName, 'A group to act as; may be repeated')
            [CompletionResult]::new('--request-timeout', '--request-timeout', [CompletionResultType]::ParameterName, 'How long one request may take, for example 5s or 1m; 0 for no limit [env: SHARDCTL_REQUEST_TIMEOUT] [default: 30s]')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'The configuration file [default: the nearest shardctl.toml upwards, then the user''s configuration folder]')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'Colour [env: SHARDCTL_COLOR, NO_COLOR] [default: auto]')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print less: no progress on standard error')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print less: no progress on standard error')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Print more: what an error was caused by')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Print more: what an error was caused by')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            break
        }
        'shardctl;events' {
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'The form of the result')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'The form of the result')
            [CompletionResult]::new('--since', '--since', [CompletionResultType]::ParameterName, 'Only what was said in the last so long, for example 10m')
            [CompletionResult]::new('--from', '--from', [CompletionResultType]::ParameterName, 'Read a saved snapshot instead of a cluster')
            [CompletionResult]::new('--kubeconfig', '--kubeconfig', [CompletionResultType]::ParameterName, 'The kubeconfig file [default: $KUBECONFIG, ~/.kube/config, or the pod''s service account]')
            [CompletionResult]::new('--context', '--context', [CompletionResultType]::ParameterName, 'The kubeconfig context [env: SHARDCTL_CONTEXT]')
            [CompletionResult]::new('-n', '-n', [CompletionResultType]::ParameterName, 'The namespace of the set [env: SHARDCTL_NAMESPACE] [default: the context''s]')
            [CompletionResult]::new('--namespace', '--namespace', [CompletionResultType]::ParameterName, 'The namespace of the set [env: SHARDCTL_NAMESPACE] [default: the context''s]')
            [CompletionResult]::new('--statefulset', '--statefulset', [CompletionResultType]::ParameterName, 'The StatefulSet [env: SHARDCTL_STATEFULSET] [default: the only one of the namespace]')
            [CompletionResult]::new('--as', '--as', [CompletionResultType]::ParameterName, 'The user to act as')
            [CompletionResult]::new('--as-group', '--as-group', [CompletionResultType]::ParameterName, 'A group to act as; may be repeated')
            [CompletionResult]::new('--request-timeout', '--request-timeout', [CompletionResultType]::ParameterName, 'How long one request may take, for example 5s or 1m; 0 for no limit [env: SHARDCTL_REQUEST_TIMEOUT] [default: 30s]')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'The configuration file [default: the nearest shardctl.toml upwards, then the user''s configuration folder]')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'Colour [env: SHARDCTL_COLOR, NO_COLOR] [default: auto]')
            [CompletionResult]::new('-w', '-w', [CompletionResultType]::ParameterName, 'Go on with what is said from now on, until interrupted')
            [CompletionResult]::new('--watch', '--watch', [CompletionResultType]::ParameterName, 'Go on with what is said from now on, until interrupted')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print less: no progress on standard error')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print less: no progress on standard error')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Print more: what an error was caused by')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Print more: what an error was caused by')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            break
        }
        'shardctl;packing-summary' {
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'The form of the result')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'The form of the result')
            [CompletionResult]::new('--table', '--table', [CompletionResultType]::ParameterName, 'Which table, with -o csv')
            [CompletionResult]::new('--pools', '--pools', [CompletionResultType]::ParameterName, 'Write a layout as NodePools for kubectl apply, one for each size in each zone, instead of the summary')
            [CompletionResult]::new('--surge', '--surge', [CompletionResultType]::ParameterName, 'For how many nodes beyond the layout each of the pools has room [default: 0, so that just the layout is bought]')
            [CompletionResult]::new('--shards', '--shards', [CompletionResultType]::ParameterName, 'So many shards')
            [CompletionResult]::new('--memory', '--memory', [CompletionResultType]::ParameterName, 'A shard''s memory, for example 32Gi')
            [CompletionResult]::new('--cpu', '--cpu', [CompletionResultType]::ParameterName, 'A shard''s CPU, for example 2 or 1500m')
            [CompletionResult]::new('--zones', '--zones', [CompletionResultType]::ParameterName, 'So many shards in each zone: 4,3,3 in the order of the zones'' names, or eastus-1=4,eastus-2=3')
            [CompletionResult]::new('--max-shards-per-node', '--max-shards-per-node', [CompletionResultType]::ParameterName, 'At most so many shards down when a node dies')
            [CompletionResult]::new('--max-shards-per-zone', '--max-shards-per-zone', [CompletionResultType]::ParameterName, 'At most so many shards down when a zone dies')
            [CompletionResult]::new('--sizes', '--sizes', [CompletionResultType]::ParameterName, 'Only these sizes, by name or with one `*`; may be repeated, or separated by commas')
            [CompletionResult]::new('--exclude', '--exclude', [CompletionResultType]::ParameterName, 'Not these sizes, in the same form')
            [CompletionResult]::new('--arch', '--arch', [CompletionResultType]::ParameterName, 'Only machines of these architectures [default: those of the shards'' nodes]')
            [CompletionResult]::new('--region', '--region', [CompletionResultType]::ParameterName, 'The region whose prices count [default: the one that the nodes name]')
            [CompletionResult]::new('--pay', '--pay', [CompletionResultType]::ParameterName, 'How machines of a layout are paid for')
            [CompletionResult]::new('--discount', '--discount', [CompletionResultType]::ParameterName, 'What comes off every listed price, for example 12%')
            [CompletionResult]::new('--price-file', '--price-file', [CompletionResultType]::ParameterName, 'Prices of your own, in place of the built-in ones where the file has some; described in docs/packing.md')
            [CompletionResult]::new('--prices-url', '--prices-url', [CompletionResultType]::ParameterName, 'Where that list is, for a mirror of it [default: https://prices.azure.com/api/retail/prices]')
            [CompletionResult]::new('--catalog', '--catalog', [CompletionResultType]::ParameterName, 'Sizes and prices of your own, in place of the built-in ones: for EKS and others; described in docs/packing.md')
            [CompletionResult]::new('--kubelet', '--kubelet', [CompletionResultType]::ParameterName, 'The model of what fits [default: by the cloud of the nodes]')
            [CompletionResult]::new('--forecast', '--forecast', [CompletionResultType]::ParameterName, 'The model of what Karpenter counts with when it buys [default: by the cloud of the nodes]')
            [CompletionResult]::new('--max-pods', '--max-pods', [CompletionResultType]::ParameterName, 'How many pods a node takes [default: the fewest of any node]')
            [CompletionResult]::new('--from', '--from', [CompletionResultType]::ParameterName, 'Read a saved snapshot instead of a cluster')
            [CompletionResult]::new('--kubeconfig', '--kubeconfig', [CompletionResultType]::ParameterName, 'The kubeconfig file [default: $KUBECONFIG, ~/.kube/config, or the pod''s service account]')
            [CompletionResult]::new('--context', '--context', [CompletionResultType]::ParameterName, 'The kubeconfig context [env: SHARDCTL_CONTEXT]')
            [CompletionResult]::new('-n', '-n', [CompletionResultType]::ParameterName, 'The namespace of the set [env: SHARDCTL_NAMESPACE] [default: the context''s]')
            [CompletionResult]::new('--namespace', '--namespace', [CompletionResultType]::ParameterName, 'The namespace of the set [env: SHARDCTL_NAMESPACE] [default: the context''s]')
            [CompletionResult]::new('--statefulset', '--statefulset', [CompletionResultType]::ParameterName, 'The StatefulSet [env: SHARDCTL_STATEFULSET] [default: the only one of the namespace]')
            [CompletionResult]::new('--as', '--as', [CompletionResultType]::ParameterName, 'The user to act as')
            [CompletionResult]::new('--as-group', '--as-group', [CompletionResultType]::ParameterName, 'A group to act as; may be repeated')
            [CompletionResult]::new('--request-timeout', '--request-timeout', [CompletionResultType]::ParameterName, 'How long one request may take, for example 5s or 1m; 0 for no limit [env: SHARDCTL_REQUEST_TIMEOUT] [default: 30s]')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'The configuration file [default: the nearest shardctl.toml upwards, then the user''s configuration folder]')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'Colour [env: SHARDCTL_COLOR, NO_COLOR] [default: auto]')
            [CompletionResult]::new('-w', '-w', [CompletionResultType]::ParameterName, 'Go on, and show what changes until interrupted: in place on a terminal, elsewhere a line a change')
            [CompletionResult]::new('--watch', '--watch', [CompletionResultType]::ParameterName, 'Go on, and show what changes until interrupted: in place on a terminal, elsewhere a line a change')
            [CompletionResult]::new('--refresh-prices', '--refresh-prices', [CompletionResultType]::ParameterName, 'Ask Azure''s public list for the region''s prices, of machines and of disks; later runs go on using them')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print less: no progress on standard error')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print less: no progress on standard error')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Print more: what an error was caused by')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Print more: what an error was caused by')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            break
        }
        'shardctl;upgrade' {
            [CompletionResult]::new('--image', '--image', [CompletionResultType]::ParameterName, 'The new image, REF or CONTAINER=REF; may be repeated. Without it, the template that is pending')
            [CompletionResult]::new('--only', '--only', [CompletionResultType]::ParameterName, 'Only these shards, by their numbers; separated by commas')
            [CompletionResult]::new('--canary', '--canary', [CompletionResultType]::ParameterName, 'Stop after so many shards and ask; without a terminal, stop')
            [CompletionResult]::new('--on-failure', '--on-failure', [CompletionResultType]::ParameterName, 'When a shard can''t come up: stop, or put the template back and let that shard heal')
            [CompletionResult]::new('--last', '--last', [CompletionResultType]::ParameterName, 'These shards last, by their numbers: where the writer or primary lives')
            [CompletionResult]::new('--pause', '--pause', [CompletionResultType]::ParameterName, 'Wait this long between two shards')
            [CompletionResult]::new('--gate', '--gate', [CompletionResultType]::ParameterName, 'What must hold between two shards: verify, or exec:CMD (a command that ends with 0)')
            [CompletionResult]::new('--before', '--before', [CompletionResultType]::ParameterName, 'A command before each shard is taken down; it gets SHARDCTL_SHARD and SHARDCTL_ORDINAL')
            [CompletionResult]::new('--after', '--after', [CompletionResultType]::ParameterName, 'A command after each shard is Ready again')
            [CompletionResult]::new('--deadline', '--deadline', [CompletionResultType]::ParameterName, 'Start no shard that can''t finish by then: 90m, or 2026-11-21T06:00:00Z')
            [CompletionResult]::new('--min-ready', '--min-ready', [CompletionResultType]::ParameterName, 'How long a shard must be Ready, where that is more than minReadySeconds')
            [CompletionResult]::new('--shard-timeout', '--shard-timeout', [CompletionResultType]::ParameterName, 'How long a shard may be down beyond its grace period, and a node may take to be ready for it')
            [CompletionResult]::new('--max-restarts', '--max-restarts', [CompletionResultType]::ParameterName, 'How often a container may restart before its shard counts as failed')
            [CompletionResult]::new('--expect', '--expect', [CompletionResultType]::ParameterName, 'How many shards there should be [default: an integer minAvailable, then spec.replicas]')
            [CompletionResult]::new('--allow', '--allow', [CompletionResultType]::ParameterName, 'Go on in spite of a refusal, by its id; may be repeated. What guards data can''t be allowed')
            [CompletionResult]::new('--dry-run', '--dry-run', [CompletionResultType]::ParameterName, 'Print what would be done and change nothing: client reads only, server lets the API server try each kind of write')
            [CompletionResult]::new('--lease-duration', '--lease-duration', [CompletionResultType]::ParameterName, 'How long the lock outlives a run that was killed')
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'The form of the progress and the end: text, or json with one event a line')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'The form of the progress and the end: text, or json with one event a line')
            [CompletionResult]::new('--report', '--report', [CompletionResultType]::ParameterName, 'Write a page of the run there when it is over, however it ends: one HTML file that loads nothing')
            [CompletionResult]::new('--kubeconfig', '--kubeconfig', [CompletionResultType]::ParameterName, 'The kubeconfig file [default: $KUBECONFIG, ~/.kube/config, or the pod''s service account]')
            [CompletionResult]::new('--context', '--context', [CompletionResultType]::ParameterName, 'The kubeconfig context [env: SHARDCTL_CONTEXT]')
            [CompletionResult]::new('-n', '-n', [CompletionResultType]::ParameterName, 'The namespace of the set [env: SHARDCTL_NAMESPACE] [default: the context''s]')
            [CompletionResult]::new('--namespace', '--namespace', [CompletionResultType]::ParameterName, 'The namespace of the set [env: SHARDCTL_NAMESPACE] [default: the context''s]')
            [CompletionResult]::new('--statefulset', '--statefulset', [CompletionResultType]::ParameterName, 'The StatefulSet [env: SHARDCTL_STATEFULSET] [default: the only one of the namespace]')
            [CompletionResult]::new('--as', '--as', [CompletionResultType]::ParameterName, 'The user to act as')
            [CompletionResult]::new('--as-group', '--as-group', [CompletionResultType]::ParameterName, 'A group to act as; may be repeated')
            [CompletionResult]::new('--request-timeout', '--request-timeout', [CompletionResultType]::ParameterName, 'How long one request may take, for example 5s or 1m; 0 for no limit [env: SHARDCTL_REQUEST_TIMEOUT] [default: 30s]')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'The configuration file [default: the nearest shardctl.toml upwards, then the user''s configuration folder]')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'Colour [env: SHARDCTL_COLOR, NO_COLOR] [default: auto]')
            [CompletionResult]::new('--restart', '--restart', [CompletionResultType]::ParameterName, 'The same template, new pods: stamps the template; run again, it goes on with that stamp')
            [CompletionResult]::new('--no-prepull', '--no-prepull', [CompletionResultType]::ParameterName, 'Don''t fetch the images beforehand: a bad one is then found when a shard is down')
            [CompletionResult]::new('-y', '-y', [CompletionResultType]::ParameterName, 'Don''t ask')
            [CompletionResult]::new('--yes', '--yes', [CompletionResultType]::ParameterName, 'Don''t ask')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print less: no progress on standard error')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print less: no progress on standard error')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Print more: what an error was caused by')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Print more: what an error was caused by')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('status', 'status', [CompletionResultType]::ParameterValue, 'How far an upgrade is: each shard''s revision, who is at it, how to go on or back')
            [CompletionResult]::new('undo', 'undo', [CompletionResultType]::ParameterValue, 'Put the template before back, and bring every shard to it, one at a time')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'shardctl;upgrade;status' {
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'The form of the result')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'The form of the result')
            [CompletionResult]::new('--from', '--from', [CompletionResultType]::ParameterName, 'Judge a saved snapshot instead of a cluster')
            [CompletionResult]::new('--kubeconfig', '--kubeconfig', [CompletionResultType]::ParameterName, 'The kubeconfig file [default: $KUBECONFIG, ~/.kube/config, or the pod''s service account]')
            [CompletionResult]::new('--context', '--context', [CompletionResultType]::ParameterName, 'The kubeconfig context [env: SHARDCTL_CONTEXT]')
            [CompletionResult]::new('-n', '-n', [CompletionResultType]::ParameterName, 'The namespace of the set [env: SHARDCTL_NAMESPACE] [default: the context''s]')
            [CompletionResult]::new('--namespace', '--namespace', [CompletionResultType]::ParameterName, 'The namespace of the set [env: SHARDCTL_NAMESPACE] [default: the context''s]')
            [CompletionResult]::new('--statefulset', '--statefulset', [CompletionResultType]::ParameterName, 'The StatefulSet [env: SHARDCTL_STATEFULSET] [default: the only one of the namespace]')
            [CompletionResult]::new('--as', '--as', [CompletionResultType]::ParameterName, 'The user to act as')
            [CompletionResult]::new('--as-group', '--as-group', [CompletionResultType]::ParameterName, 'A group to act as; may be repeated')
            [CompletionResult]::new('--request-timeout', '--request-timeout', [CompletionResultType]::ParameterName, 'How long one request may take, for example 5s or 1m; 0 for no limit [env: SHARDCTL_REQUEST_TIMEOUT] [default: 30s]')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'The configuration file [default: the nearest shardctl.toml upwards, then the user''s configuration folder]')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'Colour [env: SHARDCTL_COLOR, NO_COLOR] [default: auto]')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print less: no progress on standard error')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print less: no progress on standard error')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Print more: what an error was caused by')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Print more: what an error was caused by')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            break
        }
        'shardctl;upgrade;undo' {
            [CompletionResult]::new('--to-revision', '--to-revision', [CompletionResultType]::ParameterName, 'The revision to go to, by its name; without it, the one before the last change that shardctl made')
            [CompletionResult]::new('--only', '--only', [CompletionResultType]::ParameterName, 'Only these shards, by their numbers; separated by commas')
            [CompletionResult]::new('--canary', '--canary', [CompletionResultType]::ParameterName, 'Stop after so many shards and ask; without a terminal, stop')
            [CompletionResult]::new('--on-failure', '--on-failure', [CompletionResultType]::ParameterName, 'When a shard can''t come up: stop, or put the template back and let that shard heal')
            [CompletionResult]::new('--last', '--last', [CompletionResultType]::ParameterName, 'These shards last, by their numbers: where the writer or primary lives')
            [CompletionResult]::new('--pause', '--pause', [CompletionResultType]::ParameterName, 'Wait this long between two shards')
            [CompletionResult]::new('--gate', '--gate', [CompletionResultType]::ParameterName, 'What must hold between two shards: verify, or exec:CMD (a command that ends with 0)')
            [CompletionResult]::new('--before', '--before', [CompletionResultType]::ParameterName, 'A command before each shard is taken down; it gets SHARDCTL_SHARD and SHARDCTL_ORDINAL')
            [CompletionResult]::new('--after', '--after', [CompletionResultType]::ParameterName, 'A command after each shard is Ready again')
            [CompletionResult]::new('--deadline', '--deadline', [CompletionResultType]::ParameterName, 'Start no shard that can''t finish by then: 90m, or 2026-11-21T06:00:00Z')
            [CompletionResult]::new('--min-ready', '--min-ready', [CompletionResultType]::ParameterName, 'How long a shard must be Ready, where that is more than minReadySeconds')
            [CompletionResult]::new('--shard-timeout', '--shard-timeout', [CompletionResultType]::ParameterName, 'How long a shard may be down beyond its grace period, and a node may take to be ready for it')
            [CompletionResult]::new('--max-restarts', '--max-restarts', [CompletionResultType]::ParameterName, 'How often a container may restart before its shard counts as failed')
            [CompletionResult]::new('--expect', '--expect', [CompletionResultType]::ParameterName, 'How many shards there should be [default: an integer minAvailable, then spec.replicas]')
            [CompletionResult]::new('--allow', '--allow', [CompletionResultType]::ParameterName, 'Go on in spite of a refusal, by its id; may be repeated. What guards data can''t be allowed')
            [CompletionResult]::new('--dry-run', '--dry-run', [CompletionResultType]::ParameterName, 'Print what would be done and change nothing: client reads only, server lets the API server try each kind of write')
            [CompletionResult]::new('--lease-duration', '--lease-duration', [CompletionResultType]::ParameterName, 'How long the lock outlives a run that was killed')
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'The form of the progress and the end: text, or json with one event a line')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'The form of the progress and the end: text, or json with one event a line')
            [CompletionResult]::new('--report', '--report', [CompletionResultType]::ParameterName, 'Write a page of the run there when it is over, however it ends: one HTML file that loads nothing')
            [CompletionResult]::new('--kubeconfig', '--kubeconfig', [CompletionResultType]::ParameterName, 'The kubeconfig file [default: $KUBECONFIG, ~/.kube/config, or the pod''s service account]')
            [CompletionResult]::new('--context', '--context', [CompletionResultType]::ParameterName, 'The kubeconfig context [env: SHARDCTL_CONTEXT]')
            [CompletionResult]::new('-n', '-n', [CompletionResultType]::ParameterName, 'The namespace of the set [env: SHARDCTL_NAMESPACE] [default: the context''s]')
            [CompletionResult]::new('--namespace', '--namespace', [CompletionResultType]::ParameterName, 'The namespace of the set [env: SHARDCTL_NAMESPACE] [default: the context''s]')
            [CompletionResult]::new('--statefulset', '--statefulset', [CompletionResultType]::ParameterName, 'The StatefulSet [env: SHARDCTL_STATEFULSET] [default: the only one of the namespace]')
            [CompletionResult]::new('--as', '--as', [CompletionResultType]::ParameterName, 'The user to act as')
            [CompletionResult]::new('--as-group', '--as-group', [CompletionResultType]::ParameterName, 'A group to act as; may be repeated')
            [CompletionResult]::new('--request-timeout', '--request-timeout', [CompletionResultType]::ParameterName, 'How long one request may take, for example 5s or 1m; 0 for no limit [env: SHARDCTL_REQUEST_TIMEOUT] [default: 30s]')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'The configuration file [default: the nearest shardctl.toml upwards, then the user''s configuration folder]')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'Colour [env: SHARDCTL_COLOR, NO_COLOR] [default: auto]')
            [CompletionResult]::new('--no-prepull', '--no-prepull', [CompletionResultType]::ParameterName, 'Don''t fetch the images beforehand: a bad one is then found when a shard is down')
            [CompletionResult]::new('-y', '-y', [CompletionResultType]::ParameterName, 'Don''t ask')
            [CompletionResult]::new('--yes', '--yes', [CompletionResultType]::ParameterName, 'Don''t ask')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print less: no progress on standard error')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print less: no progress on standard error')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Print more: what an error was caused by')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Print more: what an error was caused by')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            break
        }
        'shardctl;upgrade;help' {
            [CompletionResult]::new('status', 'status', [CompletionResultType]::ParameterValue, 'How far an upgrade is: each shard''s revision, who is at it, how to go on or back')
            [CompletionResult]::new('undo', 'undo', [CompletionResultType]::ParameterValue, 'Put the template before back, and bring every shard to it, one at a time')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'shardctl;upgrade;help;status' {
            break
        }
        'shardctl;upgrade;help;undo' {
            break
        }
        'shardctl;upgrade;help;help' {
            break
        }
        'shardctl;drain' {
            [CompletionResult]::new('-l', '-l', [CompletionResultType]::ParameterName, 'The nodes with these labels, one after another')
            [CompletionResult]::new('--selector', '--selector', [CompletionResultType]::ParameterName, 'The nodes with these labels, one after another')
            [CompletionResult]::new('--strategy', '--strategy', [CompletionResultType]::ParameterName, 'How the shards go')
            [CompletionResult]::new('--prewarm', '--prewarm', [CompletionResultType]::ParameterName, 'Whether nodes are made, and images fetched, before a shard is touched: auto does so where a new node is needed')
            [CompletionResult]::new('--pause-image', '--pause-image', [CompletionResultType]::ParameterName, 'The image of the container that holds room on a new node [default: registry.k8s.io/pause:3.10]')
            [CompletionResult]::new('--ignore-daemonsets', '--ignore-daemonsets', [CompletionResultType]::ParameterName, 'Leave the pods of DaemonSets where they are; with =false they stop the drain')
            [CompletionResult]::new('--delete-emptydir-data', '--delete-emptydir-data', [CompletionResultType]::ParameterName, 'Go on though pods have emptyDir volumes, whose data is lost with them; a shard''s own needs none of this')
            [CompletionResult]::new('--force', '--force', [CompletionResultType]::ParameterName, 'Go on though pods have no controller, which nothing makes anew')
            [CompletionResult]::new('--grace-period', '--grace-period', [CompletionResultType]::ParameterName, 'The seconds that each pod gets to stop; below 0, its own')
            [CompletionResult]::new('--timeout', '--timeout', [CompletionResultType]::ParameterName, 'When to give up on the whole; 0 is never')
            [CompletionResult]::new('--last', '--last', [CompletionResultType]::ParameterName, 'These shards last, by their numbers: where the writer or primary lives')
            [CompletionResult]::new('--pause', '--pause', [CompletionResultType]::ParameterName, 'Wait this long between two shards')
            [CompletionResult]::new('--gate', '--gate', [CompletionResultType]::ParameterName, 'What must hold between two shards: verify, or exec:CMD (a command that ends with 0)')
            [CompletionResult]::new('--before', '--before', [CompletionResultType]::ParameterName, 'A command before each shard is taken down; it gets SHARDCTL_SHARD and SHARDCTL_ORDINAL')
            [CompletionResult]::new('--after', '--after', [CompletionResultType]::ParameterName, 'A command after each shard is Ready again')
            [CompletionResult]::new('--deadline', '--deadline', [CompletionResultType]::ParameterName, 'Start no shard that can''t finish by then: 90m, or 2026-11-21T06:00:00Z')
            [CompletionResult]::new('--min-ready', '--min-ready', [CompletionResultType]::ParameterName, 'How long a shard must be Ready, where that is more than minReadySeconds')
            [CompletionResult]::new('--shard-timeout', '--shard-timeout', [CompletionResultType]::ParameterName, 'How long a shard may be down beyond its grace period, and a node may take to be ready for it')
            [CompletionResult]::new('--max-restarts', '--max-restarts', [CompletionResultType]::ParameterName, 'How often a container may restart before its shard counts as failed')
            [CompletionResult]::new('--expect', '--expect', [CompletionResultType]::ParameterName, 'How many shards there should be [default: an integer minAvailable, then spec.replicas]')
            [CompletionResult]::new('--allow', '--allow', [CompletionResultType]::ParameterName, 'Go on in spite of a refusal, by its id; may be repeated. What guards data can''t be allowed')
            [CompletionResult]::new('--dry-run', '--dry-run', [CompletionResultType]::ParameterName, 'Print what would be done and change nothing: client reads only, server lets the API server try each kind of write')
            [CompletionResult]::new('--lease-duration', '--lease-duration', [CompletionResultType]::ParameterName, 'How long the lock outlives a run that was killed')
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'The form of the progress and the end: text, or json with one event a line')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'The form of the progress and the end: text, or json with one event a line')
            [CompletionResult]::new('--report', '--report', [CompletionResultType]::ParameterName, 'Write a page of the run there when it is over, however it ends: one HTML file that loads nothing')
            [CompletionResult]::new('--confirm', '--confirm', [CompletionResultType]::ParameterName, 'The set''s name, typed out: what --strategy downtime wants instead of --yes')
            [CompletionResult]::new('--kubeconfig', '--kubeconfig', [CompletionResultType]::ParameterName, 'The kubeconfig file [default: $KUBECONFIG, ~/.kube/config, or the pod''s service account]')
            [CompletionResult]::new('--context', '--context', [CompletionResultType]::ParameterName, 'The kubeconfig context [env: SHARDCTL_CONTEXT]')
            [CompletionResult]::new('-n', '-n', [CompletionResultType]::ParameterName, 'The namespace of the set [env: SHARDCTL_NAMESPACE] [default: the context''s]')
            [CompletionResult]::new('--namespace', '--namespace', [CompletionResultType]::ParameterName, 'The namespace of the set [env: SHARDCTL_NAMESPACE] [default: the context''s]')
            [CompletionResult]::new('--statefulset', '--statefulset', [CompletionResultType]::ParameterName, 'The StatefulSet [env: SHARDCTL_STATEFULSET] [default: the only one of the namespace]')
            [CompletionResult]::new('--as', '--as', [CompletionResultType]::ParameterName, 'The user to act as')
            [CompletionResult]::new('--as-group', '--as-group', [CompletionResultType]::ParameterName, 'A group to act as; may be repeated')
            [CompletionResult]::new('--request-timeout', '--request-timeout', [CompletionResultType]::ParameterName, 'How long one request may take, for example 5s or 1m; 0 for no limit [env: SHARDCTL_REQUEST_TIMEOUT] [default: 30s]')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'The configuration file [default: the nearest shardctl.toml upwards, then the user''s configuration folder]')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'Colour [env: SHARDCTL_COLOR, NO_COLOR] [default: auto]')
            [CompletionResult]::new('--then-uncordon', '--then-uncordon', [CompletionResultType]::ParameterName, 'Let each node take pods again when it is empty, the next node''s among them')
            [CompletionResult]::new('--then-release', '--then-release', [CompletionResultType]::ParameterName, 'Delete each node''s NodeClaim when it is empty: Karpenter ends the machine')
            [CompletionResult]::new('-y', '-y', [CompletionResultType]::ParameterName, 'Don''t ask')
            [CompletionResult]::new('--yes', '--yes', [CompletionResultType]::ParameterName, 'Don''t ask')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print less: no progress on standard error')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print less: no progress on standard error')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Print more: what an error was caused by')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Print more: what an error was caused by')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            break
        }
        'shardctl;maintenance-drain' {
            [CompletionResult]::new('-l', '-l', [CompletionResultType]::ParameterName, 'The nodes with these labels, one after another')
            [CompletionResult]::new('--selector', '--selector', [CompletionResultType]::ParameterName, 'The nodes with these labels, one after another')
            [CompletionResult]::new('--strategy', '--strategy', [CompletionResultType]::ParameterName, 'How the shards go')
            [CompletionResult]::new('--prewarm', '--prewarm', [CompletionResultType]::ParameterName, 'Whether nodes are made, and images fetched, before a shard is touched: auto does so where a new node is needed')
            [CompletionResult]::new('--pause-image', '--pause-image', [CompletionResultType]::ParameterName, 'The image of the container that holds room on a new node [default: registry.k8s.io/pause:3.10]')
            [CompletionResult]::new('--ignore-daemonsets', '--ignore-daemonsets', [CompletionResultType]::ParameterName, 'Leave the pods of DaemonSets where they are; with =false they stop the drain')
            [CompletionResult]::new('--delete-emptydir-data', '--delete-emptydir-data', [CompletionResultType]::ParameterName, 'Go on though pods have emptyDir volumes, whose data is lost with them; a shard''s own needs none of this')
            [CompletionResult]::new('--force', '--force', [CompletionResultType]::ParameterName, 'Go on though pods have no controller, which nothing makes anew')
            [CompletionResult]::new('--grace-period', '--grace-period', [CompletionResultType]::ParameterName, 'The seconds that each pod gets to stop; below 0, its own')
            [CompletionResult]::new('--timeout', '--timeout', [CompletionResultType]::ParameterName, 'When to give up on the whole; 0 is never')
            [CompletionResult]::new('--last', '--last', [CompletionResultType]::ParameterName, 'These shards last, by their numbers: where the writer or primary lives')
            [CompletionResult]::new('--pause', '--pause', [CompletionResultType]::ParameterName, 'Wait this long between two shards')
            [CompletionResult]::new('--gate', '--gate', [CompletionResultType]::ParameterName, 'What must hold between two shards: verify, or exec:CMD (a command that ends with 0)')
            [CompletionResult]::new('--before', '--before', [CompletionResultType]::ParameterName, 'A command before each shard is taken down; it gets SHARDCTL_SHARD and SHARDCTL_ORDINAL')
            [CompletionResult]::new('--after', '--after', [CompletionResultType]::ParameterName, 'A command after each shard is Ready again')
            [CompletionResult]::new('--deadline', '--deadline', [CompletionResultType]::ParameterName, 'Start no shard that can''t finish by then: 90m, or 2026-11-21T06:00:00Z')
            [CompletionResult]::new('--min-ready', '--min-ready', [CompletionResultType]::ParameterName, 'How long a shard must be Ready, where that is more than minReadySeconds')
            [CompletionResult]::new('--shard-timeout', '--shard-timeout', [CompletionResultType]::ParameterName, 'How long a shard may be down beyond its grace period, and a node may take to be ready for it')
            [CompletionResult]::new('--max-restarts', '--max-restarts', [CompletionResultType]::ParameterName, 'How often a container may restart before its shard counts as failed')
            [CompletionResult]::new('--expect', '--expect', [CompletionResultType]::ParameterName, 'How many shards there should be [default: an integer minAvailable, then spec.replicas]')
            [CompletionResult]::new('--allow', '--allow', [CompletionResultType]::ParameterName, 'Go on in spite of a refusal, by its id; may be repeated. What guards data can''t be allowed')
            [CompletionResult]::new('--dry-run', '--dry-run', [CompletionResultType]::ParameterName, 'Print what would be done and change nothing: client reads only, server lets the API server try each kind of write')
            [CompletionResult]::new('--lease-duration', '--lease-duration', [CompletionResultType]::ParameterName, 'How long the lock outlives a run that was killed')
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'The form of the progress and the end: text, or json with one event a line')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'The form of the progress and the end: text, or json with one event a line')
            [CompletionResult]::new('--report', '--report', [CompletionResultType]::ParameterName, 'Write a page of the run there when it is over, however it ends: one HTML file that loads nothing')
            [CompletionResult]::new('--confirm', '--confirm', [CompletionResultType]::ParameterName, 'The set''s name, typed out: what --strategy downtime wants instead of --yes')
            [CompletionResult]::new('--kubeconfig', '--kubeconfig', [CompletionResultType]::ParameterName, 'The kubeconfig file [default: $KUBECONFIG, ~/.kube/config, or the pod''s service account]')
            [CompletionResult]::new('--context', '--context', [CompletionResultType]::ParameterName, 'The kubeconfig context [env: SHARDCTL_CONTEXT]')
            [CompletionResult]::new('-n', '-n', [CompletionResultType]::ParameterName, 'The namespace of the set [env: SHARDCTL_NAMESPACE] [default: the context''s]')
            [CompletionResult]::new('--namespace', '--namespace', [CompletionResultType]::ParameterName, 'The namespace of the set [env: SHARDCTL_NAMESPACE] [default: the context''s]')
            [CompletionResult]::new('--statefulset', '--statefulset', [CompletionResultType]::ParameterName, 'The StatefulSet [env: SHARDCTL_STATEFULSET] [default: the only one of the namespace]')
            [CompletionResult]::new('--as', '--as', [CompletionResultType]::ParameterName, 'The user to act as')
            [CompletionResult]::new('--as-group', '--as-group', [CompletionResultType]::ParameterName, 'A group to act as; may be repeated')
            [CompletionResult]::new('--request-timeout', '--request-timeout', [CompletionResultType]::ParameterName, 'How long one request may take, for example 5s or 1m; 0 for no limit [env: SHARDCTL_REQUEST_TIMEOUT] [default: 30s]')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'The configuration file [default: the nearest shardctl.toml upwards, then the user''s configuration folder]')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'Colour [env: SHARDCTL_COLOR, NO_COLOR] [default: auto]')
            [CompletionResult]::new('--then-uncordon', '--then-uncordon', [CompletionResultType]::ParameterName, 'Let each node take pods again when it is empty, the next node''s among them')
            [CompletionResult]::new('--then-release', '--then-release', [CompletionResultType]::ParameterName, 'Delete each node''s NodeClaim when it is empty: Karpenter ends the machine')
            [CompletionResult]::new('-y', '-y', [CompletionResultType]::ParameterName, 'Don''t ask')
            [CompletionResult]::new('--yes', '--yes', [CompletionResultType]::ParameterName, 'Don''t ask')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print less: no progress on standard error')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print less: no progress on standard error')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Print more: what an error was caused by')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Print more: what an error was caused by')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            break
        }
        'shardctl;uncordon' {
            [CompletionResult]::new('-l', '-l', [CompletionResultType]::ParameterName, 'The nodes with these labels, instead of their names')
            [CompletionResult]::new('--selector', '--selector', [CompletionResultType]::ParameterName, 'The nodes with these labels, instead of their names')
            [CompletionResult]::new('--dry-run', '--dry-run', [CompletionResultType]::ParameterName, 'Print what would be done and change nothing: client reads only, server lets the API server try each write')
            [CompletionResult]::new('--lease-duration', '--lease-duration', [CompletionResultType]::ParameterName, 'How long the lock outlives a run that was killed')
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'The form of the progress and the end: text, or json with one event a line')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'The form of the progress and the end: text, or json with one event a line')
            [CompletionResult]::new('--report', '--report', [CompletionResultType]::ParameterName, 'Write a page of the run there when it is over, however it ends: one HTML file that loads nothing')
            [CompletionResult]::new('--kubeconfig', '--kubeconfig', [CompletionResultType]::ParameterName, 'The kubeconfig file [default: $KUBECONFIG, ~/.kube/config, or the pod''s service account]')
            [CompletionResult]::new('--context', '--context', [CompletionResultType]::ParameterName, 'The kubeconfig context [env: SHARDCTL_CONTEXT]')
            [CompletionResult]::new('-n', '-n', [CompletionResultType]::ParameterName, 'The namespace of the set [env: SHARDCTL_NAMESPACE] [default: the context''s]')
            [CompletionResult]::new('--namespace', '--namespace', [CompletionResultType]::ParameterName, 'The namespace of the set [env: SHARDCTL_NAMESPACE] [default: the context''s]')
            [CompletionResult]::new('--statefulset', '--statefulset', [CompletionResultType]::ParameterName, 'The StatefulSet [env: SHARDCTL_STATEFULSET] [default: the only one of the namespace]')
            [CompletionResult]::new('--as', '--as', [CompletionResultType]::ParameterName, 'The user to act as')
            [CompletionResult]::new('--as-group', '--as-group', [CompletionResultType]::ParameterName, 'A group to act as; may be repeated')
            [CompletionResult]::new('--request-timeout', '--request-timeout', [CompletionResultType]::ParameterName, 'How long one request may take, for example 5s or 1m; 0 for no limit [env: SHARDCTL_REQUEST_TIMEOUT] [default: 30s]')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'The configuration file [default: the nearest shardctl.toml upwards, then the user''s configuration folder]')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'Colour [env: SHARDCTL_COLOR, NO_COLOR] [default: auto]')
            [CompletionResult]::new('-y', '-y', [CompletionResultType]::ParameterName, 'Don''t ask')
            [CompletionResult]::new('--yes', '--yes', [CompletionResultType]::ParameterName, 'Don''t ask')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print less: no progress on standard error')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print less: no progress on standard error')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Print more: what an error was caused by')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Print more: what an error was caused by')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            break
        }
        'shardctl;recover' {
            [CompletionResult]::new('--node-is-off', '--node-is-off', [CompletionResultType]::ParameterName, 'Also declare this node off, whose machine was seen to be: its shards come back elsewhere. Asks for its name')
            [CompletionResult]::new('--confirm', '--confirm', [CompletionResultType]::ParameterName, 'The node''s name once more, instead of typing it when asked; --yes doesn''t do')
            [CompletionResult]::new('--timeout', '--timeout', [CompletionResultType]::ParameterName, 'How long to wait for what takes its time: an extra shard that is to go, the shards of a node that is off')
            [CompletionResult]::new('--dry-run', '--dry-run', [CompletionResultType]::ParameterName, 'Print what would be done and change nothing: client reads only, server lets the API server try each write')
            [CompletionResult]::new('--lease-duration', '--lease-duration', [CompletionResultType]::ParameterName, 'How long the lock outlives a run that was killed')
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'The form of the progress and the end: text, or json with one event a line')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'The form of the progress and the end: text, or json with one event a line')
            [CompletionResult]::new('--report', '--report', [CompletionResultType]::ParameterName, 'Write a page of the run there when it is over, however it ends: one HTML file that loads nothing')
            [CompletionResult]::new('--kubeconfig', '--kubeconfig', [CompletionResultType]::ParameterName, 'The kubeconfig file [default: $KUBECONFIG, ~/.kube/config, or the pod''s service account]')
            [CompletionResult]::new('--context', '--context', [CompletionResultType]::ParameterName, 'The kubeconfig context [env: SHARDCTL_CONTEXT]')
            [CompletionResult]::new('-n', '-n', [CompletionResultType]::ParameterName, 'The namespace of the set [env: SHARDCTL_NAMESPACE] [default: the context''s]')
            [CompletionResult]::new('--namespace', '--namespace', [CompletionResultType]::ParameterName, 'The namespace of the set [env: SHARDCTL_NAMESPACE] [default: the context''s]')
            [CompletionResult]::new('--statefulset', '--statefulset', [CompletionResultType]::ParameterName, 'The StatefulSet [env: SHARDCTL_STATEFULSET] [default: the only one of the namespace]')
            [CompletionResult]::new('--as', '--as', [CompletionResultType]::ParameterName, 'The user to act as')
            [CompletionResult]::new('--as-group', '--as-group', [CompletionResultType]::ParameterName, 'A group to act as; may be repeated')
            [CompletionResult]::new('--request-timeout', '--request-timeout', [CompletionResultType]::ParameterName, 'How long one request may take, for example 5s or 1m; 0 for no limit [env: SHARDCTL_REQUEST_TIMEOUT] [default: 30s]')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'The configuration file [default: the nearest shardctl.toml upwards, then the user''s configuration folder]')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'Colour [env: SHARDCTL_COLOR, NO_COLOR] [default: auto]')
            [CompletionResult]::new('--expired', '--expired', [CompletionResultType]::ParameterName, 'Only what was meant to be over by now, by the server''s clock')
            [CompletionResult]::new('-y', '-y', [CompletionResultType]::ParameterName, 'Don''t ask')
            [CompletionResult]::new('--yes', '--yes', [CompletionResultType]::ParameterName, 'Don''t ask')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print less: no progress on standard error')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print less: no progress on standard error')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Print more: what an error was caused by')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Print more: what an error was caused by')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            break
        }
        'shardctl;report' {
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'Where to write the page [default: standard output]')
            [CompletionResult]::new('--out', '--out', [CompletionResultType]::ParameterName, 'Where to write the page [default: standard output]')
            [CompletionResult]::new('--kubeconfig', '--kubeconfig', [CompletionResultType]::ParameterName, 'The kubeconfig file [default: $KUBECONFIG, ~/.kube/config, or the pod''s service account]')
            [CompletionResult]::new('--context', '--context', [CompletionResultType]::ParameterName, 'The kubeconfig context [env: SHARDCTL_CONTEXT]')
            [CompletionResult]::new('-n', '-n', [CompletionResultType]::ParameterName, 'The namespace of the set [env: SHARDCTL_NAMESPACE] [default: the context''s]')
            [CompletionResult]::new('--namespace', '--namespace', [CompletionResultType]::ParameterName, 'The namespace of the set [env: SHARDCTL_NAMESPACE] [default: the context''s]')
            [CompletionResult]::new('--statefulset', '--statefulset', [CompletionResultType]::ParameterName, 'The StatefulSet [env: SHARDCTL_STATEFULSET] [default: the only one of the namespace]')
            [CompletionResult]::new('--as', '--as', [CompletionResultType]::ParameterName, 'The user to act as')
            [CompletionResult]::new('--as-group', '--as-group', [CompletionResultType]::ParameterName, 'A group to act as; may be repeated')
            [CompletionResult]::new('--request-timeout', '--request-timeout', [CompletionResultType]::ParameterName, 'How long one request may take, for example 5s or 1m; 0 for no limit [env: SHARDCTL_REQUEST_TIMEOUT] [default: 30s]')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'The configuration file [default: the nearest shardctl.toml upwards, then the user''s configuration folder]')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'Colour [env: SHARDCTL_COLOR, NO_COLOR] [default: auto]')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print less: no progress on standard error')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print less: no progress on standard error')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Print more: what an error was caused by')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Print more: what an error was caused by')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            break
        }
        'shardctl;snapshot' {
            [CompletionResult]::new('--out', '--out', [CompletionResultType]::ParameterName, 'Where to write it [default: standard output]')
            [CompletionResult]::new('--dns', '--dns', [CompletionResultType]::ParameterName, 'How name servers are asked: port-forward, exec, system, or IP:PORT [default: port-forward; system inside a pod]')
            [CompletionResult]::new('--dns-timeout', '--dns-timeout', [CompletionResultType]::ParameterName, 'How long one DNS question may take [default: 2s]')
            [CompletionResult]::new('--cluster-domain', '--cluster-domain', [CompletionResultType]::ParameterName, 'The cluster''s DNS domain [default: from CoreDNS''s configuration, or resolv.conf inside a shard]')
            [CompletionResult]::new('--from', '--from', [CompletionResultType]::ParameterName, 'Read a saved snapshot instead of a cluster, for example to redact it')
            [CompletionResult]::new('--kubeconfig', '--kubeconfig', [CompletionResultType]::ParameterName, 'The kubeconfig file [default: $KUBECONFIG, ~/.kube/config, or the pod''s service account]')
            [CompletionResult]::new('--context', '--context', [CompletionResultType]::ParameterName, 'The kubeconfig context [env: SHARDCTL_CONTEXT]')
            [CompletionResult]::new('-n', '-n', [CompletionResultType]::ParameterName, 'The namespace of the set [env: SHARDCTL_NAMESPACE] [default: the context''s]')
            [CompletionResult]::new('--namespace', '--namespace', [CompletionResultType]::ParameterName, 'The namespace of the set [env: SHARDCTL_NAMESPACE] [default: the context''s]')
            [CompletionResult]::new('--statefulset', '--statefulset', [CompletionResultType]::ParameterName, 'The StatefulSet [env: SHARDCTL_STATEFULSET] [default: the only one of the namespace]')
            [CompletionResult]::new('--as', '--as', [CompletionResultType]::ParameterName, 'The user to act as')
            [CompletionResult]::new('--as-group', '--as-group', [CompletionResultType]::ParameterName, 'A group to act as; may be repeated')
            [CompletionResult]::new('--request-timeout', '--request-timeout', [CompletionResultType]::ParameterName, 'How long one request may take, for example 5s or 1m; 0 for no limit [env: SHARDCTL_REQUEST_TIMEOUT] [default: 30s]')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'The configuration file [default: the nearest shardctl.toml upwards, then the user''s configuration folder]')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'Colour [env: SHARDCTL_COLOR, NO_COLOR] [default: auto]')
            [CompletionResult]::new('--redact', '--redact', [CompletionResultType]::ParameterName, 'Replace names and addresses by pseudonyms, drop environment values, logs and unknown annotations')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print less: no progress on standard error')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print less: no progress on standard error')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Print more: what an error was caused by')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Print more: what an error was caused by')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            break
        }
        'shardctl;explain' {
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'The form of the page')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'The form of the page')
            [CompletionResult]::new('--kubeconfig', '--kubeconfig', [CompletionResultType]::ParameterName, 'The kubeconfig file [default: $KUBECONFIG, ~/.kube/config, or the pod''s service account]')
            [CompletionResult]::new('--context', '--context', [CompletionResultType]::ParameterName, 'The kubeconfig context [env: SHARDCTL_CONTEXT]')
            [CompletionResult]::new('-n', '-n', [CompletionResultType]::ParameterName, 'The namespace of the set [env: SHARDCTL_NAMESPACE] [default: the context''s]')
            [CompletionResult]::new('--namespace', '--namespace', [CompletionResultType]::ParameterName, 'The namespace of the set [env: SHARDCTL_NAMESPACE] [default: the context''s]')
            [CompletionResult]::new('--statefulset', '--statefulset', [CompletionResultType]::ParameterName, 'The StatefulSet [env: SHARDCTL_STATEFULSET] [default: the only one of the namespace]')
            [CompletionResult]::new('--as', '--as', [CompletionResultType]::ParameterName, 'The user to act as')
            [CompletionResult]::new('--as-group', '--as-group', [CompletionResultType]::ParameterName, 'A group to act as; may be repeated')
            [CompletionResult]::new('--request-timeout', '--request-timeout', [CompletionResultType]::ParameterName, 'How long one request may take, for example 5s or 1m; 0 for no limit [env: SHARDCTL_REQUEST_TIMEOUT] [default: 30s]')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'The configuration file [default: the nearest shardctl.toml upwards, then the user''s configuration folder]')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'Colour [env: SHARDCTL_COLOR, NO_COLOR] [default: auto]')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print less: no progress on standard error')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print less: no progress on standard error')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Print more: what an error was caused by')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Print more: what an error was caused by')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            break
        }
        'shardctl;config' {
            [CompletionResult]::new('--kubeconfig', '--kubeconfig', [CompletionResultType]::ParameterName, 'The kubeconfig file [default: $KUBECONFIG, ~/.kube/config, or the pod''s service account]')
            [CompletionResult]::new('--context', '--context', [CompletionResultType]::ParameterName, 'The kubeconfig context [env: SHARDCTL_CONTEXT]')
            [CompletionResult]::new('-n', '-n', [CompletionResultType]::ParameterName, 'The namespace of the set [env: SHARDCTL_NAMESPACE] [default: the context''s]')
            [CompletionResult]::new('--namespace', '--namespace', [CompletionResultType]::ParameterName, 'The namespace of the set [env: SHARDCTL_NAMESPACE] [default: the context''s]')
            [CompletionResult]::new('--statefulset', '--statefulset', [CompletionResultType]::ParameterName, 'The StatefulSet [env: SHARDCTL_STATEFULSET] [default: the only one of the namespace]')
            [CompletionResult]::new('--as', '--as', [CompletionResultType]::ParameterName, 'The user to act as')
            [CompletionResult]::new('--as-group', '--as-group', [CompletionResultType]::ParameterName, 'A group to act as; may be repeated')
            [CompletionResult]::new('--request-timeout', '--request-timeout', [CompletionResultType]::ParameterName, 'How long one request may take, for example 5s or 1m; 0 for no limit [env: SHARDCTL_REQUEST_TIMEOUT] [default: 30s]')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'The configuration file [default: the nearest shardctl.toml upwards, then the user''s configuration folder]')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'Colour [env: SHARDCTL_COLOR, NO_COLOR] [default: auto]')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print less: no progress on standard error')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print less: no progress on standard error')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Print more: what an error was caused by')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Print more: what an error was caused by')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('show', 'show', [CompletionResultType]::ParameterValue, 'Each value with where it comes from')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'shardctl;config;show' {
            [CompletionResult]::new('--kubeconfig', '--kubeconfig', [CompletionResultType]::ParameterName, 'The kubeconfig file [default: $KUBECONFIG, ~/.kube/config, or the pod''s service account]')
            [CompletionResult]::new('--context', '--context', [CompletionResultType]::ParameterName, 'The kubeconfig context [env: SHARDCTL_CONTEXT]')
            [CompletionResult]::new('-n', '-n', [CompletionResultType]::ParameterName, 'The namespace of the set [env: SHARDCTL_NAMESPACE] [default: the context''s]')
            [CompletionResult]::new('--namespace', '--namespace', [CompletionResultType]::ParameterName, 'The namespace of the set [env: SHARDCTL_NAMESPACE] [default: the context''s]')
            [CompletionResult]::new('--statefulset', '--statefulset', [CompletionResultType]::ParameterName, 'The StatefulSet [env: SHARDCTL_STATEFULSET] [default: the only one of the namespace]')
            [CompletionResult]::new('--as', '--as', [CompletionResultType]::ParameterName, 'The user to act as')
            [CompletionResult]::new('--as-group', '--as-group', [CompletionResultType]::ParameterName, 'A group to act as; may be repeated')
            [CompletionResult]::new('--request-timeout', '--request-timeout', [CompletionResultType]::ParameterName, 'How long one request may take, for example 5s or 1m; 0 for no limit [env: SHARDCTL_REQUEST_TIMEOUT] [default: 30s]')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'The configuration file [default: the nearest shardctl.toml upwards, then the user''s configuration folder]')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'Colour [env: SHARDCTL_COLOR, NO_COLOR] [default: auto]')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print less: no progress on standard error')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print less: no progress on standard error')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Print more: what an error was caused by')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Print more: what an error was caused by')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            break
        }
        'shardctl;config;help' {
            [CompletionResult]::new('show', 'show', [CompletionResultType]::ParameterValue, 'Each value with where it comes from')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'shardctl;config;help;show' {
            break
        }
        'shardctl;config;help;help' {
            break
        }
        'shardctl;rbac' {
            [CompletionResult]::new('--for', '--for', [CompletionResultType]::ParameterName, 'What the Roles are to allow')
            [CompletionResult]::new('--kubeconfig', '--kubeconfig', [CompletionResultType]::ParameterName, 'The kubeconfig file [default: $KUBECONFIG, ~/.kube/config, or the pod''s service account]')
            [CompletionResult]::new('--context', '--context', [CompletionResultType]::ParameterName, 'The kubeconfig context [env: SHARDCTL_CONTEXT]')
            [CompletionResult]::new('-n', '-n', [CompletionResultType]::ParameterName, 'The namespace of the set [env: SHARDCTL_NAMESPACE] [default: the context''s]')
            [CompletionResult]::new('--namespace', '--namespace', [CompletionResultType]::ParameterName, 'The namespace of the set [env: SHARDCTL_NAMESPACE] [default: the context''s]')
            [CompletionResult]::new('--statefulset', '--statefulset', [CompletionResultType]::ParameterName, 'The StatefulSet [env: SHARDCTL_STATEFULSET] [default: the only one of the namespace]')
            [CompletionResult]::new('--as', '--as', [CompletionResultType]::ParameterName, 'The user to act as')
            [CompletionResult]::new('--as-group', '--as-group', [CompletionResultType]::ParameterName, 'A group to act as; may be repeated')
            [CompletionResult]::new('--request-timeout', '--request-timeout', [CompletionResultType]::ParameterName, 'How long one request may take, for example 5s or 1m; 0 for no limit [env: SHARDCTL_REQUEST_TIMEOUT] [default: 30s]')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'The configuration file [default: the nearest shardctl.toml upwards, then the user''s configuration folder]')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'Colour [env: SHARDCTL_COLOR, NO_COLOR] [default: auto]')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print less: no progress on standard error')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print less: no progress on standard error')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Print more: what an error was caused by')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Print more: what an error was caused by')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            break
        }
        'shardctl;completions' {
            [CompletionResult]::new('--kubeconfig', '--kubeconfig', [CompletionResultType]::ParameterName, 'The kubeconfig file [default: $KUBECONFIG, ~/.kube/config, or the pod''s service account]')
            [CompletionResult]::new('--context', '--context', [CompletionResultType]::ParameterName, 'The kubeconfig context [env: SHARDCTL_CONTEXT]')
            [CompletionResult]::new('-n', '-n', [CompletionResultType]::ParameterName, 'The namespace of the set [env: SHARDCTL_NAMESPACE] [default: the context''s]')
            [CompletionResult]::new('--namespace', '--namespace', [CompletionResultType]::ParameterName, 'The namespace of the set [env: SHARDCTL_NAMESPACE] [default: the context''s]')
            [CompletionResult]::new('--statefulset', '--statefulset', [CompletionResultType]::ParameterName, 'The StatefulSet [env: SHARDCTL_STATEFULSET] [default: the only one of the namespace]')
            [CompletionResult]::new('--as', '--as', [CompletionResultType]::ParameterName, 'The user to act as')
            [CompletionResult]::new('--as-group', '--as-group', [CompletionResultType]::ParameterName, 'A group to act as; may be repeated')
            [CompletionResult]::new('--request-timeout', '--request-timeout', [CompletionResultType]::ParameterName, 'How long one request may take, for example 5s or 1m; 0 for no limit [env: SHARDCTL_REQUEST_TIMEOUT] [default: 30s]')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'The configuration file [default: the nearest shardctl.toml upwards, then the user''s configuration folder]')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'Colour [env: SHARDCTL_COLOR, NO_COLOR] [default: auto]')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print less: no progress on standard error')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print less: no progress on standard error')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Print more: what an error was caused by')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Print more: what an error was caused by')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            break
        }
        'shardctl;help' {
            [CompletionResult]::new('verify', 'verify', [CompletionResultType]::ParameterValue, 'Is everything as it must be? Checks the set, its pods, nodes, disks, names, budget, and what was left behind')
            [CompletionResult]::new('status', 'status', [CompletionResultType]::ParameterValue, 'UP or DOWN in one line, for alerts and prompts')
            [CompletionResult]::new('events', 'events', [CompletionResultType]::ParameterValue, 'What was said about the shards, in one order: scheduler, Karpenter, autoscaler, attach, kubelets, controllers')
            [CompletionResult]::new('packing-summary', 'packing-summary', [CompletionResultType]::ParameterValue, 'What runs on which node, what it costs, and which machines would be better')
            [CompletionResult]::new('upgrade', 'upgrade', [CompletionResultType]::ParameterValue, 'Move every shard to a new template, one at a time, with the fewest seconds down')
            [CompletionResult]::new('drain', 'drain', [CompletionResultType]::ParameterValue, 'Empty nodes for maintenance although the budget says no: the shards one at a time, each Ready elsewhere before the next')
            [CompletionResult]::new('uncordon', 'uncordon', [CompletionResultType]::ParameterValue, 'Let nodes take pods again, and put back what an interrupted drain left there')
            [CompletionResult]::new('recover', 'recover', [CompletionResultType]::ParameterValue, 'Find and undo what interrupted runs left: marks, helper pods, the lock')
            [CompletionResult]::new('report', 'report', [CompletionResultType]::ParameterValue, 'A page of a run, from the events that it wrote with -o json: the timeline, the seconds down, what was done by whom')
            [CompletionResult]::new('snapshot', 'snapshot', [CompletionResultType]::ParameterValue, 'Save what was observed, to a file or standard output')
            [CompletionResult]::new('explain', 'explain', [CompletionResultType]::ParameterValue, 'A check''s page: what it reads, why it matters, how to mend it')
            [CompletionResult]::new('config', 'config', [CompletionResultType]::ParameterValue, 'The configuration in force')
            [CompletionResult]::new('rbac', 'rbac', [CompletionResultType]::ParameterValue, 'The Roles that shardctl needs, as YAML')
            [CompletionResult]::new('completions', 'completions', [CompletionResultType]::ParameterValue, 'Completions for a shell, to standard output')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'shardctl;help;verify' {
            break
        }
        'shardctl;help;status' {
            break
        }
        'shardctl;help;events' {
            break
        }
        'shardctl;help;packing-summary' {
            break
        }
        'shardctl;help;upgrade' {
            [CompletionResult]::new('status', 'status', [CompletionResultType]::ParameterValue, 'How far an upgrade is: each shard''s revision, who is at it, how to go on or back')
            [CompletionResult]::new('undo', 'undo', [CompletionResultType]::ParameterValue, 'Put the template before back, and bring every shard to it, one at a time')
            break
        }
        'shardctl;help;upgrade;status' {
            break
        }
        'shardctl;help;upgrade;undo' {
            break
        }
        'shardctl;help;drain' {
            break
        }
        'shardctl;help;uncordon' {
            break
        }
        'shardctl;help;recover' {
            break
        }
        'shardctl;help;report' {
            break
        }
        'shardctl;help;snapshot' {
            break
        }
        'shardctl;help;explain' {
            break
        }
        'shardctl;help;config' {
            [CompletionResult]::new('show', 'show', [CompletionResultType]::ParameterValue, 'Each value with where it comes from')
            break
        }
        'shardctl;help;config;show' {
            break
        }
        'shardctl;help;rbac' {
            break
        }
        'shardctl;help;completions' {
            break
        }
        'shardctl;help;help' {
            break
        }
    })

    $completions.Where{ $_.CompletionText -like "$wordToComplete*" } |
        Sort-Object -Property ListItemText
}
