namespace Resilience.Control.Failover;

/// <summary>One of the two standing copies of a service.</summary>
public enum Slot
{
    /// <summary>The blue copy.</summary>
    Blue,

    /// <summary>The green copy.</summary>
    Green,
}

/// <summary>Words and opposites of <see cref="Slot"/>.</summary>
public static class SlotNames
{
    /// <summary>The slot that is not <paramref name="slot"/>.</summary>
    public static Slot Other(this Slot slot) => slot == Slot.Blue ? Slot.Green : Slot.Blue;

    /// <summary>The lower-case name used in labels, resources and sentences.</summary>
    public static string Name(this Slot slot) => slot == Slot.Blue ? "blue" : "green";
}
