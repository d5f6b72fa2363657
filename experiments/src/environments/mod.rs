//! The environments that come with metarl, one line of the registry each.

mod bandits;
mod mdps;
mod navigation;

use crate::registry::EnvironmentEntry;
use crate::settings::Settings;
use rl_core::SpecError;

/// All of them.
pub(crate) fn standard() -> Vec<EnvironmentEntry> {
    let families = [bandits::all(), mdps::all(), navigation::all()];
    families.into_iter().flatten().collect()
}

const HORIZON: &str = "steps of an episode";
const EPISODES: &str = "episodes of a trial";

fn times(settings: &Settings) -> Result<(usize, usize), String> {
    Ok((settings.count("horizon")?, settings.count("episodes")?))
}

fn text(error: SpecError) -> String {
    error.to_string()
}

#[cfg(test)]
mod tests {
    use crate::registry::Registry;
    use toml::Table;

    #[test]
    fn every_environment_keeps_the_rules() {
        let registry = Registry::standard();
        for entry in registry.environments() {
            let built = entry.build(&Table::new()).unwrap();
            assert_eq!(built.factory.spec().name, entry.name());
            for check in crate::conformance::check(built.factory.as_ref()) {
                let rule = check.rule;
                assert_eq!(check.fault, None, "{}: {rule}", entry.name());
            }
        }
    }
}
