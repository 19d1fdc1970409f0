namespace Resilience.ClusterAccess.Manifests;

/// <summary>A manifest cannot be read or applied; one line that names the file and the document in it.</summary>
public sealed class ManifestException(string message, Exception? inner = null) : Exception(message, inner);
