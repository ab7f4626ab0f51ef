import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import software.amazon.event.ruler.Machine;

/** Prints what event-ruler takes per event, in nanoseconds of this thread, and how many matches it finds. */
public final class Driver {
    private static final int WARM = 3;
    private static final int ROUNDS = 5;

    public static void main(String[] args) throws Exception {
        List<String> events = Files.readAllLines(Path.of(args[0]));
        Map<String, Machine> groups = new LinkedHashMap<>();
        for (String line : Files.readAllLines(Path.of(args[1]))) {
            String[] parts = line.split("\t");
            groups.computeIfAbsent(parts[0], name -> new Machine()).addRule(parts[1], parts[2]);
        }
        ThreadMXBean threads = ManagementFactory.getThreadMXBean();
        for (Map.Entry<String, Machine> group : groups.entrySet()) {
            double[] rounds = new double[ROUNDS];
            long matches = 0;
            for (int round = -WARM; round < ROUNDS; round++) {
                matches = 0;
                long start = threads.getCurrentThreadCpuTime();
                for (String event : events) {
                    matches += group.getValue().rulesForJSONEvent(event).size();
                }
                long spent = threads.getCurrentThreadCpuTime() - start;
                if (round >= 0) {
                    rounds[round] = (double) spent / events.size();
                }
            }
            Arrays.sort(rounds);
            System.out.printf("%s\t%.0f\t%d%n", group.getKey(), rounds[0], matches);
        }
    }
}
