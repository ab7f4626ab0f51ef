{{/* The pod, in both shapes. */}}
{{- define "tradewind.pod" -}}
metadata:
  labels:
    {{- include "tradewind.labels" . | nindent 4 }}
    {{- with .Values.podLabels }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  {{- with .Values.podAnnotations }}
  annotations: {{- toYaml . | nindent 4 }}
  {{- end }}
spec:
  serviceAccountName: {{ include "tradewind.serviceAccount" . }}
  automountServiceAccountToken: false
  terminationGracePeriodSeconds: {{ .Values.terminationGracePeriodSeconds }}
  {{- with .Values.image.pullSecrets }}
  imagePullSecrets: {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.priorityClassName }}
  priorityClassName: {{ . }}
  {{- end }}
  securityContext:
    runAsNonRoot: true
    runAsUser: 65532
    runAsGroup: 65532
    fsGroup: 65532
    fsGroupChangePolicy: OnRootMismatch
    seccompProfile: { type: RuntimeDefault }
  containers:
    - name: gateway
      image: {{ printf "%s:%s" .Values.image.repository (default .Chart.AppVersion .Values.image.tag) | quote }}
      imagePullPolicy: {{ .Values.image.pullPolicy }}
      args:
        - serve
        - --config=/etc/tradewind/config.yaml
        # Below the volume's root, which has folders of its file system.
        - --data-dir=/var/lib/tradewind/data
        # "Not ready" reaches the Service before requests end.
        - --drain-delay={{ .Values.drainDelay }}
      env:
        - { name: TRADEWIND_DATA_DIR, value: /var/lib/tradewind/data }
        {{- with .Values.env }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
      ports:
        - { name: http, containerPort: 8080 }
      # The admin API is a socket within the container, so probes are commands.
      startupProbe:
        exec: { command: [/usr/bin/tradewind, status] }
        periodSeconds: 5
        timeoutSeconds: 5
        failureThreshold: {{ max 1 (div (int .Values.startupSeconds) 5) }}
      livenessProbe:
        exec: { command: [/usr/bin/tradewind, status] }
        periodSeconds: 20
        timeoutSeconds: 10
        failureThreshold: 3
      readinessProbe:
        exec: { command: [/usr/bin/tradewind, status, --ready] }
        periodSeconds: 5
        timeoutSeconds: 5
        failureThreshold: 1
      resources: {{- toYaml .Values.resources | nindent 8 }}
      securityContext:
        allowPrivilegeEscalation: false
        readOnlyRootFilesystem: true
        capabilities: { drop: [ALL] }
      volumeMounts:
        - { name: data, mountPath: /var/lib/tradewind }
        - { name: config, mountPath: /etc/tradewind, readOnly: true }
        {{- if .Values.secretName }}
        - { name: secrets, mountPath: /run/secrets/tradewind, readOnly: true }
        {{- end }}
  volumes:
    {{- if eq .Values.engine "kafka" }}
    # Copies of what lies in Kafka, and what a gateway remembers beside its streams.
    - name: data
      emptyDir: { sizeLimit: {{ .Values.persistence.size }} }
    {{- end }}
    - name: config
      configMap: { name: {{ include "tradewind.fullname" . }} }
    {{- with .Values.secretName }}
    - name: secrets
      secret: { secretName: {{ . }}, defaultMode: 0440 }
    {{- end }}
  {{- with .Values.nodeSelector }}
  nodeSelector: {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.tolerations }}
  tolerations: {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.affinity }}
  affinity: {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- if eq .Values.engine "kafka" }}
  topologySpreadConstraints:
    - maxSkew: 1
      topologyKey: kubernetes.io/hostname
      whenUnsatisfiable: ScheduleAnyway
      labelSelector:
        matchLabels: {{- include "tradewind.selector" . | nindent 10 }}
  {{- end }}
{{- end }}
