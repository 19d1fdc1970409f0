namespace Resilience.ClusterAccess;

/// <summary>A hash that is the same in every process, unlike <see cref="string.GetHashCode()"/>: seeds of jitter must replay.</summary>
public static class StableHash
{
    public static int Of(string text)
    {
        var hash = 2166136261u;   // FNV-1a
        foreach (var letter in text)
        {
            hash = (hash ^ letter) * 16777619u;
        }

        return (int)hash;
    }
}
