namespace Resilience.ClusterAccess.Resources;

/// <summary>Names of the custom resources' API group and of the annotations that the suite writes on other objects.</summary>
public static class ResilienceApi
{
    public const string Group = "resilience.dev";
    public const string Version = "v1alpha1";
    public const string GroupVersion = Group + "/" + Version;

    /// <summary>On a Service: the watcher's state as JSON, written in the same patch as the selector.</summary>
    public const string FailoverAnnotation = Group + "/failover";

    /// <summary>On a BlueGreen: any new value acknowledges the last move and clears the hold-down.</summary>
    public const string AcknowledgeAnnotation = Group + "/acknowledge";

    /// <summary>On an autoscaler or Deployment whose floor is borrowed: the borrower's field manager name.</summary>
    public const string FloorOwnerAnnotation = Group + "/floor-owner";

    /// <summary>The floor to restore.</summary>
    public const string FloorBeforeAnnotation = Group + "/floor-before";

    /// <summary>RFC 3339 instant after which the loan is void even if nobody returned it.</summary>
    public const string FloorExpiresAnnotation = Group + "/floor-expires";

    /// <summary>On an autoscaler or Deployment whose floor the scaling agent sets: name of the PredictiveAutoscaler.</summary>
    public const string FloorScalerAnnotation = Group + "/floor-scaler";

    /// <summary>The floor before the scaling agent first wrote it, restored when the floor is withdrawn.</summary>
    public const string FloorInitialAnnotation = Group + "/floor-initial";

    /// <summary>On anything a drill touches: JSON <c>{id, kind, before, until}</c>.</summary>
    public const string DrillAnnotation = Group + "/drill";

    /// <summary>On anything an experiment changed in a system that was there before it: JSON <c>{id, before}</c>, a merge patch that undoes the change.</summary>
    public const string ExperimentAnnotation = Group + "/experiment";

    /// <summary>Label on everything that <c>lab deploy</c> or <c>lab adopt</c> created: the id of the installation.</summary>
    public const string InstallLabel = Group + "/install";
}

/// <summary>Field managers and Event sources: who wrote what.</summary>
public static class FieldManagers
{
    public const string FailoverWatcher = "failover-watcher";
    public const string ScalingAgent = "scaling-agent";
    public const string Lab = "lab";
}
