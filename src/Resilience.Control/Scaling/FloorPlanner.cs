using System.Globalization;

namespace Resilience.Control.Scaling;

/// <summary>
/// Turns an outlook into a replica floor. Order of the rules: need at the SLO's quantile, declared peaks, hold, drop guard,
/// rate limits, budget, limits, room in the cluster, blackout; a later rule has the last word. Pure: no clock, no IO, no randomness.
/// </summary>
public static class FloorPlanner
{
    /// <param name="outlook">What is expected.</param>
    /// <param name="capacityPerReplica">Demand one replica can serve, in the outlook's unit; positive.</param>
    /// <param name="unitsPerHour">Requests in an hour at a demand of 1; prices per request need it.</param>
    /// <param name="policy">Validated policy.</param>
    /// <param name="state">State of the last plan.</param>
    /// <param name="room">What the cluster had room for; null: nobody waits for room.</param>
    public static FloorPlan Plan(
        DemandOutlook outlook, double capacityPerReplica, double unitsPerHour, FloorPolicy policy, FloorState state, ClusterRoom? room = null)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(capacityPerReplica);
        state = Spend(outlook.At, policy, state);
        if (!outlook.HasForecast)
        {
            return WithoutForecast(outlook, policy, state);
        }

        var draft = new Draft(outlook, capacityPerReplica, unitsPerHour, policy, state, room);
        draft.Need();
        draft.DeclaredPeaks();
        draft.HoldNeeds();
        draft.GuardDrop();
        draft.LimitRate();
        draft.LimitBudget();
        draft.LimitReplicas();
        draft.LimitRoom();
        draft.Blackout();
        return draft.ToPlan();
    }

    /// <summary>The money that the requested floor has cost since the last decision; a host that measures replicas overwrites it.</summary>
    private static FloorState Spend(DateTimeOffset at, FloorPolicy policy, FloorState state)
    {
        var month = new DateTimeOffset(at.Year, at.Month, 1, 0, 0, 0, TimeSpan.Zero);
        if (month != state.Month)
        {
            return state with { Month = month, SpentThisMonth = 0, LastDecision = at };
        }

        var hours = Math.Clamp((at - state.LastDecision).TotalHours, 0, 24);
        return state with { SpentThisMonth = state.SpentThisMonth + (hours * (state.Floor ?? policy.MinReplicas) * policy.PricePerReplicaHour), LastDecision = at };
    }

    /// <summary>The last floor for its time, then none; a declared peak holds even without a forecast: people know of it.</summary>
    private static FloorPlan WithoutForecast(DemandOutlook outlook, FloorPolicy policy, FloorState state)
    {
        var keep = state.Floor is not null && outlook.At - state.LastForecast <= policy.KeepWithoutForecast;
        int? floor = keep ? Math.Clamp(state.Floor!.Value, policy.MinReplicas, policy.MaxReplicas) : null;
        var reason = keep
            ? $"No forecast ({outlook.WhyNoForecast}): the last floor of {floor} is kept for {policy.KeepWithoutForecast.TotalMinutes:0} min."
            : $"No forecast ({outlook.WhyNoForecast}): the reactive autoscaler is alone.";
        var adjustments = new List<FloorAdjustment>();
        if (DeclaredPeak(outlook, policy) is { } peak && Math.Min(peak.Replicas!.Value, policy.MaxReplicas) is var declared && declared > (floor ?? 0))
        {
            adjustments.Add(new("declared peak", floor ?? 0, declared, $"'{peak.Name}' lasts until {peak.To:u}"));
            floor = declared;
            reason = $"No forecast ({outlook.WhyNoForecast}): floor {floor} (declared peak: {adjustments[0].Because}).";
        }

        return new FloorPlan(
            floor, state.Floor == 0 && floor > 0, reason, double.NaN, null, [], adjustments, state with { Floor = floor, Needs = keep ? state.Needs : [] });
    }

    /// <summary>The largest declared peak that is on, or begins before the lead is over.</summary>
    private static PlannedEvent? DeclaredPeak(DemandOutlook outlook, FloorPolicy policy) => policy.Calendar
        .Where(planned => !planned.IsBlackout && outlook.At + outlook.Lead >= planned.From && outlook.At < planned.To)
        .MaxBy(planned => planned.Replicas);

    /// <summary>One decision in the making.</summary>
    private sealed class Draft(DemandOutlook outlook, double capacity, double unitsPerHour, FloorPolicy policy, FloorState state, ClusterRoom? room)
    {
        private readonly List<FloorAdjustment> _adjustments = [];
        private readonly List<HeldNeed> _needs = [];
        private DateTimeOffset _guardUntil = state.GuardUntil;
        private int _need;
        private int _floor;
        private int _unbudgeted;
        private string? _givenUp;
        private string? _noRoom;
        private bool _wake;

        public void Need() => _floor = _need = Replicas(outlook.Peak(policy.Quantile));

        public void DeclaredPeaks()
        {
            if (DeclaredPeak(outlook, policy) is { } planned && planned.Replicas > _floor)
            {
                Adjust("declared peak", planned.Replicas.Value, $"'{planned.Name}' lasts until {planned.To:u}");
            }
        }

        /// <summary>The largest need within the hold time; needs that a later one exceeds are forgotten at once.</summary>
        public void HoldNeeds()
        {
            foreach (var need in state.Needs)
            {
                if (outlook.At - need.At < policy.Hold && need.Replicas > _floor)
                {
                    _needs.Add(need);
                }
            }

            _needs.Add(new HeldNeed(outlook.At, _floor));
            if (_needs[0].Replicas > _floor)
            {
                Adjust("hold", _needs[0].Replicas, $"{_needs[0].Replicas} were needed at {_needs[0].At:HH:mm}");
            }
        }

        public void GuardDrop()
        {
            if (policy.DropGuard is not { } guard || state.Floor is not { } last)
            {
                return;
            }

            if (outlook.Demand < (1 - guard.Fall) * outlook.RecentHigh && outlook.At > _guardUntil && last > _floor)
            {
                _guardUntil = outlook.At + guard.Hold;
            }

            if (outlook.At <= _guardUntil && last > _floor)
            {
                Adjust("drop guard", last, $"demand fell from {outlook.RecentHigh:0.#} to {outlook.Demand:0.#}; it may come back until {_guardUntil:HH:mm}");
            }
        }

        public void LimitRate()
        {
            if (state.Floor is not { } last)
            {
                return;
            }

            if (policy.MaxRise is { } rise && _floor > last + rise)
            {
                Adjust("rate limit", last + rise, $"the floor may rise by {rise} per decision");
            }

            if (policy.MaxFall is { } fall && _floor < last - fall)
            {
                Adjust("rate limit", last - fall, $"the floor may fall by {fall} per decision");
            }
        }

        /// <summary>What is left of the month's money is spread over what is left of its expected demand, so that peaks may cost more than nights.</summary>
        public void LimitBudget()
        {
            _unbudgeted = Math.Clamp(_floor, policy.MinReplicas, policy.MaxReplicas);
            if (Affordable() is not { } affordable)
            {
                return;
            }

            // The minimum is kept whatever it costs, so there is nothing to give up at it.
            var floor = Math.Max(affordable, policy.MinReplicas);
            if (_unbudgeted <= floor)
            {
                return;
            }

            _givenUp = string.Create(
                CultureInfo.InvariantCulture,
                $"{_unbudgeted - floor} of {_unbudgeted} replicas; the risk of too little capacity rises from {outlook.Risk(_unbudgeted * capacity):P1} to {outlook.Risk(floor * capacity):P1}");
            Adjust("budget", floor, $"{state.SpentThisMonth:0.00} of {policy.MonthlyBudget:0.00} are spent");
        }

        public void LimitReplicas()
        {
            var limited = Math.Clamp(_floor, policy.MinReplicas, policy.MaxReplicas);
            if (limited != _floor)
            {
                Adjust(limited > _floor ? "min replicas" : "max replicas", limited, $"the policy allows {policy.MinReplicas} to {policy.MaxReplicas}");
            }

            if (_floor == 0 && (outlook.Demand > 0 || outlook.Expected > 0.05 * capacity))
            {
                Adjust("wake", 1, "there is demand");
            }

            _wake = state.Floor == 0 && _floor > 0;
        }

        /// <summary>
        /// While replicas wait for room, more of them would only wait too. Those that wait are not given back: they serve as soon
        /// as there is room, and they are what a cluster autoscaler goes by.
        /// </summary>
        public void LimitRoom()
        {
            if (room is not { Waiting: > 0 } full)
            {
                return;
            }

            var asked = Math.Max(full.Placed + full.Waiting, state.Floor ?? 0);
            if (_floor > asked)
            {
                Adjust("cluster capacity", asked, $"{full.Waiting} replicas wait for room in the cluster");
            }

            if (_floor > full.Placed)
            {
                _noRoom = string.Create(
                    CultureInfo.InvariantCulture,
                    $"{_floor - full.Placed} of {_floor} replicas have no room in the cluster; the risk of too little capacity is {outlook.Risk(full.Placed * capacity):P1}");
            }
        }

        public void Blackout()
        {
            foreach (var planned in policy.Calendar)
            {
                if (planned.IsBlackout && outlook.At >= planned.From && outlook.At < planned.To && state.Floor is { } last && last != _floor)
                {
                    Adjust("blackout", last, $"'{planned.Name}' allows no change until {planned.To:u}");
                    _wake = false;
                }
            }
        }

        public FloorPlan ToPlan()
        {
            var because = _adjustments.Count == 0
                ? $"{outlook.Basis} peak {outlook.Peak(policy.Quantile):0.#} at {policy.Quantile:P1}, {capacity:0.#} per replica"
                : $"{_adjustments[^1].Rule}: {_adjustments[^1].Because}";
            var verb = state.Floor is not { } last || last == _floor ? "Floor" : _floor > last ? "Raise the floor to" : "Lower the floor to";
            return new FloorPlan(
                _floor, _wake, $"{verb} {_floor} ({because}).", outlook.Risk(Placeable() * capacity), _givenUp, Candidates(), _adjustments,
                state with { Floor = _floor, Needs = _needs, GuardUntil = _guardUntil, LastForecast = outlook.At })
            {
                NoRoom = _noRoom,
            };
        }

        /// <summary>Replicas of the floor that can serve before the lead is over.</summary>
        private int Placeable() => room is { Waiting: > 0 } full ? Math.Min(_floor, full.Placed) : _floor;

        private List<FloorCandidate> Candidates()
        {
            var candidates = new List<FloorCandidate>(DemandOutlook.Levels.Count + 2) { Price("chosen", _floor, "chosen") };
            for (var level = 0; level < outlook.Peaks.Count; level++)
            {
                var replicas = Math.Clamp(Replicas(outlook.Peaks[level]), policy.MinReplicas, policy.MaxReplicas);
                if (replicas == _floor || candidates[^1].Replicas == replicas)
                {
                    continue;
                }

                var verdict = replicas > _floor
                    ? Affordable() is { } affordable && replicas > affordable ? "rejected: over budget" : "rejected: costs more than the SLO asks for"
                    : replicas < _need ? "rejected: risks more than the SLO allows" : $"rejected: {(_adjustments.Count > 0 ? _adjustments[^1].Rule : "hold")}";
                candidates.Add(Price(string.Create(CultureInfo.InvariantCulture, $"q{DemandOutlook.Levels[level]}"), replicas, verdict));
            }

            if (_givenUp is not null)
            {
                candidates.Add(Price("without budget", _unbudgeted, "rejected: over budget"));
            }

            return candidates;
        }

        private FloorCandidate Price(string name, int replicas, string verdict)
        {
            var risk = outlook.Risk(replicas * capacity);
            var dollars = replicas * policy.PricePerReplicaHour;
            var good = Math.Min(outlook.Expected, replicas * capacity) * (1 - risk) * unitsPerHour;
            return new FloorCandidate(name, replicas, dollars, risk, good > 0 ? dollars / good * 1e6 : double.PositiveInfinity, verdict);
        }

        private int? Affordable()
        {
            if (policy.MonthlyBudget is not { } budget)
            {
                return null;
            }

            var hoursLeft = Math.Max(1.0 / 60, (state.Month.AddMonths(1) - outlook.At).TotalHours);
            var perHour = Math.Max(0, budget - state.SpentThisMonth) / hoursLeft;
            var share = outlook.TypicalDemand > 0 ? Math.Max(outlook.Expected, outlook.Demand) / outlook.TypicalDemand : 1;
            return (int)Math.Min(int.MaxValue, Math.Max(perHour * share / policy.PricePerReplicaHour, 0) + 1e-9);
        }

        /// <summary>Replicas for a demand; a demand that is a whole number of capacities up to rounding needs no further replica.</summary>
        private int Replicas(double demand) => (int)Math.Min(int.MaxValue, Math.Ceiling((demand / capacity) - 1e-6));

        private void Adjust(string rule, int to, string because)
        {
            _adjustments.Add(new FloorAdjustment(rule, _floor, to, because));
            _floor = to;
        }
    }
}
