use super::*;

fn spec(states: usize) -> EnvSpec {
    EnvSpec {
        name: "toy".into(),
        observation: ObservationSpace::Discrete { size: states },
        action: ActionSpace::Discrete { size: 2 },
        horizon: 10,
        episodes: 1,
    }
}

#[test]
fn pairs_of_one_action_are_neighbours() {
    let sizes = Sizes::of("psrl", &spec(3)).unwrap();
    assert_eq!((sizes.pairs(), sizes.transitions()), (6, 24));
    assert_eq!((sizes.pair(2, 0), sizes.pair(0, 1)), (2, 3));
}

#[test]
fn what_takes_too_much_memory_is_refused() {
    let check = |states, numbers| {
        let spec = spec(states);
        let sizes = Sizes::of("psrl", &spec).unwrap();
        sizes.check_memory("psrl", &spec, 9, numbers)
    };
    assert_eq!(check(3, 1e7), Ok(()));
    assert_eq!(
        check(3, 2e7).unwrap_err(),
        "psrl would keep 1600 MB of tables for 9 lanes of toy, which has 3 states, 2 actions and \
         10 steps per episode; allowed: at most 1074 MB; take fewer states, actions or steps"
    );
}
