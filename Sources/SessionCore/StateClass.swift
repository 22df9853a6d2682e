/// What a robot's state counts as among its hours (semantics section 9). Each state is in one of the rules' lists; one that is in
/// none counts as ``other``.
public enum StateClass: String, CaseIterable, Sendable {
    /// Able to work: what supply hours are made of.
    case usable
    /// Unable to.
    case downtime
    /// Not meant to.
    case offDuty = "off_duty"
    /// A state that the rules do not know.
    case other
}
