#!/usr/bin/env bash
# Trains and measures what the README shows:
#
#     experiments/reproduce.sh [NAME ...]
#
# NAME is one of the functions below; without one, all of them, in their order.
# Runs go to the folder `runs`, tables to `tables`. What is finished already is
# kept: a run that was stopped is taken up where it was. One of other settings is
# not, and says so.
set -euo pipefail
cd "$(dirname "$0")/.."

experiments() {
    cargo run --quiet --release -p experiments -- "$@"
}

# configuration ARGUMENTS...: what `train` would make of them, but for what it begins from.
configuration() {
    local arguments=()
    while [ $# -gt 0 ]; do
        case $1 in
            --seeds | --from) shift ;;
            *) arguments+=("$1") ;;
        esac
        shift
    done
    experiments show "${arguments[@]}"
}

# train NAME ARGUMENTS...: trains runs/NAME, or takes it up again.
train() {
    local name=$1 begun="runs/$1/seed-0/config.toml"
    shift
    if [ ! -d "runs/$name" ]; then
        experiments train "$@" --name "$name"
        return
    fi
    # A folder of before may have been trained otherwise.
    if [ -f "$begun" ] && ! diff <(grep -v '^from = "' "$begun") <(configuration "$@") >&2; then
        echo "runs/$name was begun with other settings (<) than these (>); move it away" >&2
        exit 1
    fi
    experiments resume "runs/$name"
}

quickstart() {
    train quickstart quickstart --seeds 5
}

bandits() {
    train bernoulli-bandit-10-pulls-10 quickstart environment.arms=10 --seeds 5
    train bernoulli-bandit-10-pulls-50 quickstart environment.arms=50 --seeds 5
    train bernoulli-bandit-5x100 rl2/bernoulli-bandit-5x100 --seeds 5
    train bernoulli-bandit-5x100-large rl2/bernoulli-bandit-5x100-large --seeds 5
    train bernoulli-bandit-10x100 rl2/bernoulli-bandit-10x100 --seeds 5
    train bernoulli-bandit-50x100 rl2/bernoulli-bandit-10x100 environment.arms=50 \
        rl2.updates=600 --seeds 3
    local arms
    for arms in 5 10 50; do
        train "bernoulli-bandit-${arms}x500" rl2/bernoulli-bandit-10x100 "environment.arms=$arms" \
            environment.pulls=500 rl2.lanes=512 rl2.updates=400 rl2.gae.gamma=0.998 \
            rl2.gae.lambda=0.95 rl2.trunk.memory=100 rl2.reward_scale=0.05 \
            rl2.entropy_coefficient.from=0.03 evaluation.actions=greedy \
            evaluation.interval_tasks=1000 'evaluation.learners=[{name="ucb1",c=0.2}]' --seeds 3
    done
}

# RL² in the environments, by the preset of their name; gridnavi and dirichlet-mdp have
# functions of their own.
environments() {
    local name
    for name in bernoulli-bandit dependent-bandit informative-arm restless-bandit \
        gaussian-bandit adversarial-bandit chain riverswim two-step dark-key-door maze \
        empty-grid point-navigation point-corners; do
        train "rl2-$name" "rl2/$name" --seeds 5
    done
    for name in easy medium hard; do
        train "rl2-dependent-bandit-$name" rl2/dependent-bandit "environment.variant=$name" \
            --seeds 5
    done
}

# MAML beside the same policy trained without adaptation, without training, and
# told its goal. An update without an inner step takes half the environment steps:
# twice the updates see as much of the environment.
point_navigation() {
    train maml maml/point-navigation --seeds 5
    train random maml/point-navigation maml.updates=0 --seeds 5
    # Larger steps throw a policy off that was not trained to be adapted.
    train pretrained maml/point-navigation maml.inner.steps=0 maml.updates=300 \
        'maml.evaluation.rates=[0.05]' --seeds 5
    train oracle maml/point-navigation maml.inner.steps=0 maml.evaluation.steps=0 \
        environment.task=shown --seeds 5
    experiments report runs/maml runs/pretrained runs/random runs/oracle \
        --out runs/point-navigation
}

# MAML's inner steps by the gates of an LSTM, beside MAML on the same goals.
gated() {
    train gated maml/point-navigation-gated --seeds 5
    train gated-bernoulli-bandit maml/bernoulli-bandit-5x100-gated --seeds 5
    train gated-gridnavi maml/gridnavi-gated --seeds 5
    if [ -d runs/maml ]; then
        experiments report runs/gated runs/maml --out runs/point-navigation-gated
    fi
}

# Students of the best teachers there are, an index that all arms share, and an agent that is told
# GridNavi's belief.
taught() {
    train imitation-10x5 imitation/bernoulli-bandit-5x10 --seeds 5
    train imitation-100x5 imitation/bernoulli-bandit-10x100 environment.arms=5 --seeds 5
    train imitation-100x10 imitation/bernoulli-bandit-10x100 --seeds 5
    train imitation-100x10-large imitation/bernoulli-bandit-10x100-large --seeds 5
    train imitation-gaussian-bandit imitation/gaussian-bandit --seeds 5
    train imitation-index imitation/bernoulli-bandit-50x500 evaluation.tasks=10000 --seeds 5
    local seed
    for seed in 0 1 2 3 4; do
        experiments eval "runs/imitation-index/seed-$seed" environment.pulls=1000 --tasks 4000
    done
    local arms pulls lanes tasks
    while read -r arms pulls lanes tasks; do
        train "imitation-index-${arms}x$pulls" imitation/bernoulli-bandit-50x500 \
            "environment.arms=$arms" "environment.pulls=$pulls" "imitation.lanes=$lanes" \
            "evaluation.tasks=$tasks" --seeds 5 </dev/null
    done <<'END'
10 10 2048 100000
50 10 2048 100000
10 100 256 20000
50 100 256 20000
5 500 64 10000
10 500 64 10000
10 200 128 10000
20 400 64 10000
30 600 64 10000
END
    train imitation-dirichlet-mdp imitation/dirichlet-mdp --seeds 5
    train imitation-dirichlet-mdp-fading imitation/dirichlet-mdp --seeds 5 \
        'imitation.teacher={name="beb-fading",beta=0.22,prior_mean=1.0,prior_weight=1.0}' \
        'evaluation.learners=[{name="beb",beta=0.5},{name="beb-fading",beta=0.22}]'
    train imitation-dirichlet-mdp-25 imitation/dirichlet-mdp --seeds 3 \
        --from runs/imitation-dirichlet-mdp-fading environment.episodes=25 \
        imitation.handover.from=0 imitation.updates=100 imitation.lanes=512 \
        'imitation.teacher={name="beb-fading",beta=0.22,prior_mean=1.0,prior_weight=1.0}' \
        evaluation.interval_tasks=500 \
        'evaluation.learners=[{name="beb",beta=0.75},{name="beb-fading",beta=0.22}]'
    # Longer trials, each from the students of the one before.
    local before=25 episodes beta lanes minibatches updates tasks
    while read -r episodes beta lanes minibatches updates tasks; do
        train "imitation-dirichlet-mdp-$episodes" imitation/dirichlet-mdp --seeds 3 \
            --from "runs/imitation-dirichlet-mdp-$before" "environment.episodes=$episodes" \
            imitation.handover.from=0 "imitation.updates=$updates" "imitation.lanes=$lanes" \
            "imitation.outer.minibatches=$minibatches" evaluation.actions=greedy \
            "imitation.teacher={name=\"beb\",beta=$beta,prior_mean=1.0,prior_weight=1.0}" \
            "evaluation.tasks=$tasks" "evaluation.learners=[{name=\"beb\",beta=$beta}]" </dev/null
        [ "$episodes" = 50 ] && before=50
    done <<'END'
50 1.0 256 8 100 4000
75 1.5 192 6 60 3000
100 1.5 128 8 60 3000
END
    train gridnavi-told rl2/gridnavi rl2.updates=300 \
        'rl2.inputs=["observation","action","reward","outcome","statistics"]' --seeds 5
}

# Memories where they tell: RepeatPrevious, CountRecall, and chains and T-mazes that grow with the
# agent. minibatches and lanes are for the length of the trials.
memories() {
    local attends='rl2.trunk={kind="transformer",hidden=64,layers=2,heads=2,positions="rotary",units=128,feed="plain",join="sum",input_gain=4.0}'
    local small='rl2.trunk={kind="transformer",hidden=32,layers=1,heads=2,positions="rotary",units=64,feed="plain",join="sum",input_gain=4.0}'
    local averages='rl2.trunk={kind="min-gru",hidden=32,layers=2,units=64,feed="plain",join="sum",input_gain=4.0,memory=2000.0}'
    local turns='rl2.trunk={kind="lru",hidden=64,layers=2,units=128,feed="gated",join="sum",input_gain=4.0,memory=1000.0}'
    local told='rl2.inputs=["observation","action","reward","outcome","time-left"]'
    # Every answer is paid at once.
    local now=(rl2.gae.gamma=0 rl2.gae.lambda=0)
    local four=(rl2.lanes=256 rl2.outer.minibatches=4)
    local few=(evaluation.tasks=2000 evaluation.interval_tasks=200)
    local name decks k updates
    while read -r name decks k updates; do
        train "repeat-previous-$name" rl2/repeat-previous "$attends" "${now[@]}" "${four[@]}" "${few[@]}" \
            "environment.decks=$decks" "environment.k=$k" "rl2.updates=$updates" \
            rl2.learning_rate.from=1e-3 rl2.learning_rate.to=1e-4 \
            'evaluation.learners=[{name="random"}]' --seeds 3 </dev/null
    done <<'END'
medium 2 32 250
hard 3 64 300
END
    train count-recall-medium rl2/count-recall "$turns" "$told" "${now[@]}" "${few[@]}" \
        environment.decks=2 environment.counted=suits rl2.updates=700 rl2.learning_rate.from=3e-3 \
        rl2.entropy_coefficient.from=0.03 --seeds 3
    # Each length begins with what was learned at the one before. What one did could carry the bit
    # along, so that agents are told the observation alone.
    local sees='rl2.inputs=["observation"]'
    local length lanes tile from to entropy before=()
    while read -r length updates from to; do
        train "memory-chain-averages-$length" rl2/memory-chain "$averages" "$sees" "${four[@]}" "${before[@]}" \
            "environment.length=$length" "rl2.updates=$updates" "rl2.learning_rate.from=$from" \
            "rl2.learning_rate.to=$to" evaluation.interval_tasks=200 --seeds 3 </dev/null
        before=(--from "runs/memory-chain-averages-$length")
    done <<'END'
10 100 3e-3 1e-3
30 100 2e-3 1e-3
100 150 2e-3 0
END
    before=()
    while read -r length to; do
        train "memory-chain-attends-$length" rl2/memory-chain "$small" "$sees" "${four[@]}" "${before[@]}" \
            "environment.length=$length" rl2.updates=60 rl2.learning_rate.from=1e-3 \
            "rl2.learning_rate.to=$to" evaluation.interval_tasks=200 --seeds 3 </dev/null
        before=(--from "runs/memory-chain-attends-$length")
    done <<'END'
10 5e-4
30 5e-4
100 0
END
    local maze=(rl2.gae.lambda=0.9 rl2.outer.minibatches=4 evaluation.tasks=1000
        evaluation.interval_tasks=200 'evaluation.learners=[{name="random"}]')
    local memory trunk last
    while read -r memory length lanes tile updates from to entropy; do
        trunk=$averages
        # The cue is known by what it shows, however far back it is.
        [ "$memory" = attends ] && trunk=${small/rotary/none}
        before=()
        [ "$length" != 10 ] && before=(--from "runs/t-maze-$memory-$last")
        train "t-maze-$memory-$length" rl2/t-maze "$trunk" "${maze[@]}" "${before[@]}" \
            "environment.length=$length" "rl2.lanes=$lanes" "rl2.tile=$tile" "rl2.updates=$updates" \
            "rl2.learning_rate.from=$from" "rl2.learning_rate.to=$to" \
            "rl2.entropy_coefficient.from=$entropy" --seeds 3 </dev/null
        last=$length
    done <<'END'
averages 10 256 16 100 3e-3 1e-3 0.02
averages 50 128 16 100 2e-3 1e-3 0.01
averages 200 128 16 100 2e-3 1e-3 0.01
averages 1000 64 8 100 2e-3 0 0.01
attends 10 256 16 150 1e-3 5e-4 0.1
attends 50 128 16 60 5e-4 5e-4 0.02
attends 200 64 16 60 5e-4 5e-4 0.02
attends 1000 32 8 30 5e-4 0 0.02
END
    local recall
    for recall in true false; do
        train "recurring-bandit-recall-$recall" rl2/recurring-bandit rl2.backend=torch "$told" \
            "rl2.trunk={kind=\"episodic\",hidden=48,slots=16,cue=10,mark=10,recall=$recall,input_gain=1.0,memory=10.0}" \
            rl2.lanes=256 rl2.outer.minibatches=8 rl2.updates=150 rl2.gae.lambda=0.8 \
            rl2.entropy_coefficient.from=0.03 evaluation.interval_tasks=500 evaluation.tasks=4000 \
            'evaluation.learners=[{name="random"}]' --seeds 3
    done
    train bernoulli-bandit-10x100-averages rl2/bernoulli-bandit-10x100 \
        'rl2.trunk={kind="min-gru",hidden=64,layers=2,units=128,feed="plain",join="sum",input_gain=4.0,memory=30.0}' \
        evaluation.actions=greedy rl2.updates=500 rl2.reward_scale=0.1 \
        rl2.entropy_coefficient.from=0.03 rl2.gae.gamma=1 rl2.gae.lambda=0.9 \
        rl2.learning_rate.from=3e-3 rl2.learning_rate.to=0 --seeds 3
}

random_mdps() {
    train dirichlet-mdp rl2/dirichlet-mdp --seeds 5
    # Longer trials, each from the agents of the one before. With larger steps they fall back.
    local before=dirichlet-mdp episodes beta lanes minibatches tasks
    while read -r episodes beta lanes minibatches tasks; do
        train "dirichlet-mdp-$episodes" rl2/dirichlet-mdp --seeds 3 --from "runs/$before" \
            "environment.episodes=$episodes" rl2.updates=60 "rl2.lanes=$lanes" \
            "rl2.outer.minibatches=$minibatches" rl2.learning_rate.from=2e-4 \
            rl2.learning_rate.to=2e-5 rl2.entropy_coefficient.from=0.0 evaluation.actions=greedy \
            evaluation.interval=20 evaluation.interval_tasks=250 "evaluation.tasks=$tasks" \
            "evaluation.learners=[{name=\"beb\",beta=$beta}]" </dev/null
        before=dirichlet-mdp-$episodes
    done <<'END'
25 0.75 512 16 10000
50 1.0 256 8 4000
75 1.5 192 6 3000
100 1.5 128 8 3000
END
}

# GridNavi with all goals to train on, and with five of them kept back.
gridnavi_split() {
    train gridnavi rl2/gridnavi --seeds 5
    train gridnavi-large rl2/gridnavi-large --seeds 3
    # Shorter, and with less to explore for than the preset has.
    train gridnavi-split rl2/gridnavi evaluation.split.unseen=5 evaluation.actions=sample \
        rl2.updates=200 rl2.lanes=512 rl2.tile=32 rl2.outer.minibatches=4 rl2.gae.lambda=0.9 \
        rl2.entropy_coefficient.from=0.02 --seeds 5
}

# Agents that say which of GridNavi's goals they believe in; --seeds 20 takes its time.
belief() {
    train belief-gridnavi belief/gridnavi --seeds 20
    # What the policy and the decoder are given as published, with settings that were chosen so.
    train belief-gridnavi-published belief/gridnavi belief.reads=belief \
        belief.belief.repeats=all 'belief.inputs=["observation","action","reward","outcome"]' \
        belief.updates=220 belief.learning_rate.from=0.005 belief.outer.epochs=4 \
        belief.belief.buffer=16384 belief.belief.steps=80 --seeds 4
    train belief-gridnavi-supervised belief/gridnavi-supervised --seeds 20
    train belief-gridnavi-sampled belief/gridnavi-sampled --seeds 20
}

maml_discrete() {
    train maml-bernoulli-bandit maml/bernoulli-bandit-5x100 --seeds 5
    train maml-gridnavi maml/gridnavi --seeds 5
    train maml-dirichlet-mdp maml/dirichlet-mdp --seeds 5
}

point_corners() {
    train point-corners maml/point-corners --seeds 5
}

# Two-armed bandits of Wang et al. 2016, cloned from the exact policy.
taught_two_arms() {
    local exact='imitation.teacher={name="bayes-optimal"}'
    local beside='evaluation.learners=[{name="bayes-optimal"}]'
    train imitation-100x2 imitation/bernoulli-bandit-10x100 environment.arms=2 "$exact" "$beside" \
        imitation.updates=150 evaluation.tasks=50000 --seeds 5
    local variant tasks=50000
    for variant in uniform hard medium easy; do
        [ "$variant" = medium ] && tasks=20000
        train "imitation-dependent-$variant" imitation/bernoulli-bandit-10x100 "$exact" "$beside" \
            "environment={name=\"dependent-bandit\",variant=\"$variant\",pulls=100}" \
            imitation.updates=150 "evaluation.tasks=$tasks" --seeds 5
    done
}

# One network for GridNavi's 21 goals beside one for each, and what tasks may share between.
multi_task() {
    local updates kind small=('multi-task.network.hidden=[64,64]' multi-task.outer.epochs=8)
    for updates in 26 36 42 48; do
        train "multi-task-input-$updates" multi-task/gridnavi "multi-task.updates=$updates" --seeds 5
    done
    for updates in 36 48 60 80; do
        train "multi-task-separate-$updates" multi-task/gridnavi multi-task.sharing.kind=separate \
            "multi-task.updates=$updates" "${small[@]}" --seeds 5
    done
    for kind in film heads blind; do
        train "multi-task-$kind" multi-task/gridnavi "multi-task.sharing.kind=$kind" \
            multi-task.updates=60 "${small[@]}" --seeds 3
    done
    train multi-task-distral multi-task/gridnavi 'multi-task.sharing={kind="distral",pull=0.1}' \
        multi-task.updates=60 "${small[@]}" --seeds 3
}

# How long a new task takes, by how an agent begins.
transfer() {
    experiments transfer
}

# Learned optimizers beside those by hand, and MAML's family on the same sinusoids and glyphs. An
# agent of ten gradients is measured after one too.
learned_optimizers() {
    train learned-optimizer-quadratics learned-optimizer/quadratics --seeds 5
    train learned-optimizer-small-network learned-optimizer/small-network --seeds 5
    local seed
    for seed in 0 1 2 3 4; do
        experiments eval "runs/learned-optimizer-quadratics/seed-$seed" environment.steps=1000 \
            --tasks 1000
    done
    # Reptile draws its steps from more pictures than it is measured with.
    train glyphs-reptile learned-optimizer/glyphs --seeds 5 environment.shots=10 \
        environment.batch=10 environment.steps=8 learned-optimizer.steps=8 \
        'learned-optimizer.training={kind="reptile"}' \
        'learned-optimizer.rule={kind="plain",rate=1.0,learned="none"}'
    local shots
    for shots in 1 5; do
        for seed in 0 1 2 3 4; do
            experiments eval "runs/glyphs-reptile/seed-$seed" environment.steps=5 \
                "environment.shots=$shots" environment.batch=0 --tasks 1000
        done
    done
    local task name rate plain
    for task in sinusoids glyphs glyphs-5; do
        local settings=("learned-optimizer/${task%-5}")
        [ "$task" = glyphs-5 ] && settings+=(environment.shots=5)
        rate=0.4
        [ "$task" = sinusoids ] && rate=0.01
        plain="learned-optimizer.rule={kind=\"plain\",rate=$rate,learned=\"none\"}"
        train "$task-gated" "${settings[@]}" --seeds 5
        train "$task-maml" "${settings[@]}" "$plain" learned-optimizer.training.order=exact --seeds 5
        train "$task-fomaml" "${settings[@]}" "$plain" learned-optimizer.training.order=first --seeds 5
        train "$task-meta-sgd" "${settings[@]}" "${plain/none/per-parameter}" \
            learned-optimizer.training.order=exact --seeds 5
        local names=(gated maml fomaml meta-sgd)
        if [ "$task" = sinusoids ]; then
            names+=(reptile)
            train "$task-reptile" "${settings[@]}" "$plain" \
                'learned-optimizer.training={kind="reptile"}' --seeds 5
        fi
        for name in "${names[@]}"; do
            for seed in 0 1 2 3 4; do
                experiments eval "runs/$task-$name/seed-$seed" environment.steps=1 --tasks 1000
            done
        done
    done
}

tables() {
    experiments table duan-bandits
    experiments table duan-mdps
    experiments table wang-bandits
    experiments table maml-audit
    experiments table unroll-audit
    experiments table baseline-variance
    experiments table memory
    local majority=()
    # The ensemble has a row once its agents are trained.
    [ -d runs/gridnavi ] && majority=(majority=runs/gridnavi)
    # And so have the policies of single goals.
    [ -d runs/multi-task-separate-60 ] && majority+=(library=runs/multi-task-separate-60/seed-0)
    experiments table combination "${majority[@]}"
}

all=(quickstart bandits environments taught taught_two_arms memories random_mdps gridnavi_split belief point_navigation gated maml_discrete point_corners learned_optimizers multi_task transfer tables)
for name in "${@:-${all[@]}}"; do
    name=${name//-/_}
    case " ${all[*]} " in
        *" $name "*) "$name" ;;
        *)
            echo "no result '$name'; there are: ${all[*]}" >&2
            exit 2
            ;;
    esac
done
