pub(crate) fn run(_: &crate::Registry, _: &crate::cli::BaselineArgs) -> Result<(), crate::Failure> {
    Ok(())
}
